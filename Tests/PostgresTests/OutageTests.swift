import OwnerThread
import Postgres
import TestSupport
import Testing

/// Each test has a server of its own, which it kills or freezes.
@Suite struct OutageTests {
    @Test("work that waits while the server is down is done when it is back; a dead idle connection costs nothing")
    func killedAndBack() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 2) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (a int)")
                // A statement that is prepared already: nothing but a look at the idle connection shows that it is dead.
                #expect(try await pool.query("INSERT INTO t VALUES (1)").affected == 1)
                try await server.restart()
                #expect(try await pool.query("INSERT INTO t VALUES (1)").affected == 1)
                try await server.kill()
                let short = await #expect(throws: PostgresError.self) {
                    try await pool.query("SELECT 1", deadline: .milliseconds(200))
                }
                #expect(short?.code == .timedOut)
                #expect(short?.mayHaveRun == false)
                let waiting = Task {
                    try await pool.transaction { tx in try tx.query("INSERT INTO t VALUES (2)").affected }
                }
                try await server.launch()
                #expect(try await waiting.value == 1)
                #expect(try await pool.query("SELECT count(*) FROM t")[0].int(0) == 3)
                #expect(pool.statistics.connectionErrors > 0)
                #expect(pool.statistics.connects >= 3)
            }
        }
    }

    @Test("a session that gets no connection does not shut out those that have one", .timeLimit(.minutes(1)))
    func oneWithout() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 1) { admin async throws in
                _ = try await admin.query("CREATE ROLE few LOGIN CONNECTION LIMIT 1")
                var configuration = PostgresConfiguration(
                    conninfo: server.conninfo.replacing("user=postgres", with: "user=few"))
                configuration.sessions = 2
                configuration.patience = .milliseconds(300)
                let pool = PostgresPool(configuration)
                defer { pool.close() }
                _ = try await pool.query("SELECT 1")
                // Two at once: the second session wants a connection, and is refused for as long as the first has one.
                async let long = pool.query("SELECT pg_sleep(1.5)")
                async let short = pool.query("SELECT 1")
                #expect(try await long.count == 1)
                #expect(try await short.count == 1)
                try await Task.sleep(for: .milliseconds(600))
                for _ in 0..<5 { #expect(try await pool.query("SELECT 1").count == 1) }
            }
        }
    }

    @Test("a server that dies in a body: nothing happened; in a single statement: it may have run")
    func diesUnderWork() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 2) { pool async throws in
                let body = Task {
                    try await pool.transaction { tx in
                        _ = try tx.query("SELECT 1")
                        _ = try tx.query("SELECT pg_sleep(30)")
                    }
                }
                let single = Task { try await pool.query("SELECT pg_sleep(30)") }
                try await PostgresPool.with(server.conninfo, sessions: 1) { other in
                    let active: SQL = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
                    try await eventually { try await other.query(active)[0].int(0) == 2 }
                }
                try await server.kill()
                let first = await #expect(throws: PostgresError.self) { try await body.value }
                #expect(first?.code == .connection)
                #expect(first?.mayHaveRun == false)
                let second = await #expect(throws: PostgresError.self) { try await single.value }
                #expect(second?.code == .connection)
                #expect(second?.mayHaveRun == true)
                #expect(second?.isInfrastructure == true)
            }
        }
    }

    @Test("a commit without an answer may have happened")
    func commitUnknown() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (a int)")
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in
                        // Deferred to the COMMIT, and the session ends in it.
                        try tx.run(
                            script: """
                                CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                                $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                                CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t INITIALLY DEFERRED FOR EACH ROW
                                EXECUTE FUNCTION die();
                                INSERT INTO t VALUES (1)
                                """)
                    }
                }
                #expect(error?.code == .connection)
                #expect(error?.mayHaveRun == true)
                #expect(try await pool.query("SELECT 1")[0].int(0) == 1)
            }
        }
    }

    @Test("a connection found dead at BEGIN is replaced, and the body runs once")
    func deadAtBegin() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 1) { pool async throws in
                let backend = try await pool.query("SELECT pg_backend_pid()")[0].int(0)
                try await PostgresPool.with(server.conninfo, sessions: 1) { other in
                    _ = try await other.query("SELECT pg_terminate_backend(\(backend)::int, 5000)")
                }
                let runs = Lock(0)
                let now = try await pool.transaction { tx in
                    runs.withLock { $0 += 1 }
                    return try tx.query("SELECT pg_backend_pid()")[0].int(0)
                }
                #expect(now != backend)
                #expect(runs.withLock { $0 } == 1)
            }
        }
    }

    @Test(
        "what loses its session before an answer came begins anew, but does not wear out one new session after another")
    func lostBeforeTheFirstAnswer() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("SELECT 1")
                let work = Task {
                    try await pool.transaction(deadline: .seconds(60)) { tx in _ = try? tx.query("SELECT pg_sleep(50)")
                    }
                }
                for _ in 1...2 {
                    try await PostgresPool.with(server.conninfo, sessions: 1) { other async throws in
                        let active: SQL = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
                        try await eventually { try await other.query(active)[0].int(0) == 1 }
                    }
                    try await server.kill()
                    try await server.launch()
                }
                let error = await #expect(throws: PostgresError.self) { try await work.value }
                #expect(error?.code == .connection && error?.mayHaveRun == false)
                #expect(try await pool.query("SELECT 1")[0].int(0) == 1)
            }
        }
    }

    @Test("a frozen server does not hold callers beyond their deadline, and its sessions come free")
    func frozen() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (a int)")
                // While a statement is only being prepared it certainly did not run; so prepare it.
                _ = try await pool.query("INSERT INTO t VALUES (1)")
                try server.freeze()
                let watch = Stopwatch()
                let single = await #expect(throws: PostgresError.self) {
                    try await pool.query("INSERT INTO t VALUES (1)", deadline: .milliseconds(300))
                }
                #expect(watch.granted < .seconds(2 * BuildPace.slowness))
                #expect(single?.code == .timedOut)
                #expect(single?.mayHaveRun == true)
                // The only session is stuck now; this one waits and is answered too.
                let body = await #expect(throws: PostgresError.self) {
                    try await pool.transaction(deadline: .milliseconds(300)) { tx in _ = try tx.query("SELECT 1") }
                }
                #expect(body?.code == .timedOut)
                #expect(body?.mayHaveRun == false)
                // Not before the thread is free of the frozen server.
                try await eventually { pool.statistics.busy == 0 }
                #expect(watch.granted < .seconds(8 * BuildPace.slowness))
                try server.thaw()
                #expect(try await pool.query("SELECT 1")[0].int(0) == 1)
            }
        }
    }

    @Test("the password is in no error")
    func password() async throws {
        for conninfo in [
            "host=/nowhere password=hunter2 user=hunter2", "host=127.0.0.1 port=1 password=hunter2",
            "postgresql://u:hunter2@127.0.0.1:1/x", "password='hunter2", "hunter2",
            "postgresql://u:hunter2@[::1", "host=localhost port=1 password=hunter2 sslmode=hunter2",
        ] {
            let error = await Self.connectError(conninfo)
            #expect(!error.contains("hunter2"), "\(error)")
            #expect(error.count > 20)
        }
    }

    private static func connectError(_ conninfo: String) async -> String {
        do throws(PostgresError) {
            try PostgresConfiguration(conninfo: conninfo).tryToConnect()
            return ""
        } catch { return "\(error)" }
    }

    @Test func workIsRefusedOncePatienceIsOver() async throws {
        var configuration = PostgresConfiguration(conninfo: "host=/nonexistent dbname=x")
        configuration.sessions = 1
        configuration.patience = .milliseconds(300)
        try await PostgresPool.with(configuration) { pool in
            let watch = Stopwatch()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
                        #expect(error?.code == .connection)
                        #expect(error?.mayHaveRun == false)
                        #expect(error?.isInfrastructure == true)
                    }
                }
            }
            // All of them, not one an attempt to connect.
            #expect(watch.granted < .seconds(10))
        }
    }
}
