import OwnerThread
import Postgres
import TestSupport
import Testing

@Suite struct CancelTests {
    @Test("what a cancelled body passed over is not success")
    func passedOver() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1) { pool async throws in
            _ = try await pool.query("SELECT 1")
            let hasBegun = Lock(false)
            let task = Task {
                try await pool.transaction { tx in
                    hasBegun.withLock { $0 = true }
                    while !tx.isCancelled {}
                    _ = try? tx.query("SELECT 1")
                }
            }
            try await eventually { hasBegun.withLock { $0 } }
            task.cancel()
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .cancelled && error?.mayHaveRun == false)
        }
    }

    /// Waits until the server runs a statement that holds `mark`.
    private static func running(_ mark: String) async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1) { pool async throws in
            try await eventually {
                let rows = try await pool.query(
                    """
                    SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
                    AND strpos(query, '/* ' || \(mark) || ' */') > 0
                    """)
                return !rows.isEmpty
            }
        }
    }

    private static func pool<T>(_ body: (PostgresPool) async throws -> T) async throws -> T {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1, body)
    }

    private static func mark() -> String { "m\(UInt64.random(in: 0...UInt64.max))" }

    @Test("work of a task that is cancelled already never runs")
    func beforeStart() async throws {
        try await Self.pool { pool async throws in
            let ran = Lock(false)
            let error = await #expect(throws: PostgresError.self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.cancelAll()
                    group.addTask { try await pool.transaction { _ in ran.withLock { $0 = true } } }
                    try await group.waitForAll()
                }
            }
            #expect(error?.code == .cancelled)
            #expect(error?.mayHaveRun == false)
            #expect(try await pool.query("SELECT 1")[0].int(0) == 1)
            #expect(ran.withLock { !$0 })
        }
    }

    @Test("work cancelled while it waits for a session is answered at once and never runs")
    func whileQueued() async throws {
        try await Self.pool { pool async throws in
            let mark = Self.mark()
            let busy = Task { try await pool.query("SELECT pg_sleep(30) /* \(raw: mark) */") }
            try await Self.running(mark)
            let ran = Lock(false)
            let waiting = Task { try await pool.transaction { _ in ran.withLock { $0 = true } } }
            try await eventually { pool.statistics.depth == 1 }
            waiting.cancel()
            let error = await #expect(throws: PostgresError.self) { try await waiting.value }
            #expect(error?.code == .cancelled)
            busy.cancel()
            await #expect(throws: PostgresError.self) { try await busy.value }
            #expect(try await pool.query("SELECT 1")[0].int(0) == 1)
            #expect(ran.withLock { !$0 })
        }
    }

    @Test("a cancelled statement ends on the server; the next one on the same connection is not touched")
    func inFlight() async throws {
        try await Self.pool { pool async throws in
            let backend = try await pool.query("SELECT pg_backend_pid()")[0].int(0)
            for _ in 0..<5 {
                let mark = Self.mark()
                let watch = Stopwatch()
                let task = Task { try await pool.query("SELECT pg_sleep(30) /* \(raw: mark) */") }
                try await Self.running(mark)
                task.cancel()
                async let next = pool.query("SELECT pg_backend_pid(), pg_sleep(0.05)")
                let error = await #expect(throws: PostgresError.self) { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(error?.mayHaveRun == false)
                #expect(try await next[0].int(0) == backend)
                #expect(watch.granted < .seconds(10))
            }
            #expect(pool.statistics.connects == 1)
        }
    }

    @Test("cancelling at any moment never hits somebody else's query")
    func storm() async throws {
        try await Self.pool { pool async throws in
            for round in 0..<60 {
                let task = Task { try await pool.query("SELECT pg_sleep(0.003)") }
                let next = Task { try await pool.query("SELECT pg_sleep(0.003), \(round)::int") }
                try await Task.sleep(for: .microseconds(round * 100))
                task.cancel()
                _ = await task.result
                #expect(try await next.value[0].int(1) == round)
            }
        }
    }

    @Test("a cancelled transaction is rolled back and sees that it is cancelled")
    func transaction() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (a int)")
                let mark = Self.mark()
                let seen = Lock<[Bool]>([])
                let task = Task {
                    try await pool.transaction { tx in
                        _ = try tx.query("INSERT INTO t VALUES (1)")
                        seen.withLock { $0.append(tx.isCancelled) }
                        _ = try? tx.query("SELECT pg_sleep(30) /* \(raw: mark) */")
                        seen.withLock { $0.append(tx.isCancelled) }
                        let again = #expect(throws: PostgresError.self) { try tx.query("SELECT 1") }
                        #expect(again?.code == .cancelled)
                    }
                }
                try await Self.running(mark)
                task.cancel()
                let error = await #expect(throws: PostgresError.self) { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(seen.withLock { $0 } == [false, true])
                #expect(try await pool.query("SELECT count(*) FROM t")[0].int(0) == 0)
            }
        }
    }

    @Test("a body that is cancelled between its statements does not commit")
    func betweenStatements() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (a int)")
                let inserted = Lock(false)
                let task = Task {
                    try await pool.transaction { tx in
                        _ = try tx.query("INSERT INTO t VALUES (1)")
                        inserted.withLock { $0 = true }
                        while !tx.isCancelled {}
                    }
                }
                try await eventually { inserted.withLock { $0 } }
                task.cancel()
                let error = await #expect(throws: PostgresError.self) { try await task.value }
                #expect(error?.code == .cancelled)
                #expect(try await pool.query("SELECT count(*) FROM t")[0].int(0) == 0)
            }
        }
    }

    @Test("the deadline answers a running query at its time, and the session goes on")
    func deadline() async throws {
        try await Self.pool { pool async throws in
            let backend = try await pool.query("SELECT pg_backend_pid()")[0].int(0)
            let watch = Stopwatch()
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT pg_sleep(30)", deadline: .milliseconds(100))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveRun == true)
            #expect(error?.isInfrastructure == true)
            #expect(watch.granted < .seconds(3 * BuildPace.slowness))
            let inBody = await #expect(throws: PostgresError.self) {
                try await pool.transaction(deadline: .milliseconds(100)) { tx in _ = try tx.query("SELECT pg_sleep(30)")
                }
            }
            #expect(inBody?.code == .timedOut)
            #expect(inBody?.mayHaveRun == false)
            #expect(try await pool.query("SELECT pg_backend_pid()")[0].int(0) == backend)
            #expect(pool.statistics.timeouts == 2)
        }
    }

    @Test("the deadline counts the time in the queue")
    func queueDeadline() async throws {
        try await Self.pool { pool async throws in
            let mark = Self.mark()
            let busy = Task { try await pool.query("SELECT pg_sleep(30) /* \(raw: mark) */") }
            try await Self.running(mark)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT 1", deadline: .milliseconds(50))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveRun == false)
            busy.cancel()
            _ = await busy.result
        }
    }

    @Test("what does not fit into the queue is refused, stopped work in it does not count, closing refuses the rest")
    func full() async throws {
        var configuration = PostgresConfiguration(conninfo: try await PrivateServers.postgres.value)
        configuration.sessions = 1
        configuration.inboxLimit = 2
        try await PostgresPool.with(configuration) { pool async throws in
            let isReleased = Lock(false)
            let isRunning = Lock(false)
            let busy = Task {
                try await pool.transaction { tx in
                    isRunning.withLock { $0 = true }
                    while !isReleased.withLock({ $0 }) { _ = try tx.query("SELECT pg_sleep(0.001)") }
                    return try tx.query("SELECT 7")
                }
            }
            try await eventually { isRunning.withLock { $0 } }
            let waiting = (0..<2).map { _ in Task { try await pool.query("SELECT 1") } }
            try await eventually { pool.statistics.depth == 2 }
            let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
            #expect(error?.code == .full)
            #expect(error?.isInfrastructure == true)
            waiting[0].cancel()
            let stopped = await #expect(throws: PostgresError.self) { try await waiting[0].value }
            #expect(stopped?.code == .cancelled)
            let third = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT 3", deadline: .milliseconds(20))
            }
            #expect(third?.code == .timedOut)
            pool.close()
            let refused = await #expect(throws: PostgresError.self) { try await waiting[1].value }
            #expect(refused?.code == .closed)
            let late = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
            #expect(late?.code == .closed)
            // What runs is finished.
            isReleased.withLock { $0 = true }
            #expect(try await busy.value[0].int(0) == 7)
        }
    }
}
