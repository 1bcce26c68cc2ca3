import Foundation
import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport
import Testing

@Suite("A store refuses")
struct RefusingTests {
    /// What makes Redis refuse, and what heals it.
    enum Refusal: String, CaseIterable, Sendable {
        case readOnly, masterDown, noReplicas

        func begin(_ world: World) async throws {
            switch self {
            case .readOnly: try await set(world, ["REPLICAOF", "127.0.0.1", "1"])
            case .masterDown:
                try await set(world, ["CONFIG", "SET", "replica-serve-stale-data", "no"])
                try await set(world, ["REPLICAOF", "127.0.0.1", "1"])
            case .noReplicas: try await set(world, ["CONFIG", "SET", "min-replicas-to-write", "1"])
            }
        }

        func end(_ world: World) async throws {
            switch self {
            case .readOnly, .masterDown: try await set(world, ["REPLICAOF", "NO", "ONE"])
            case .noReplicas: try await set(world, ["CONFIG", "SET", "min-replicas-to-write", "0"])
            }
        }

        private func set(_ world: World, _ words: [String]) async throws {
            _ = try await world.client.send(RedisCommand(words.map { Array($0.utf8) }))
        }
    }

    @Test("Redis is for a while not what it should be: new session, and all goes on", arguments: Refusal.allCases)
    func redis(_ refusal: Refusal) async throws {
        try await World.with { world in
            let service = try await world.serve()
            let ids = try await world.noops(5, "in-hand", args: "{\"sleep_ms\":6000}")
            try await until("they run", within: .seconds(10)) {
                try await world.store.queues().reduce(0) { $0 + $1.running } == 5
            }
            try await refusal.begin(world)
            let refused = try await world.enqueueNoop(service)
            #expect(refused.isUnavailable("Redis"), "\(refused)")
            #expect(refused.took < .seconds(4))
            let command = try await world.command("enqueue", "noop")
            #expect(command.code == .exited(1) && command.message.contains("Redis"), "\(command)")
            try await until("the session is given up", within: .seconds(10)) {
                service.process.log.contains("session lost")
            }
            try await Task.sleep(for: .seconds(2))
            try await refusal.end(world)
            try await until("jobs are taken again", within: .seconds(10)) {
                try await world.enqueueNoop(service).status == 202
            }
            try await world.checkDone(ids, within: .seconds(20))
            service.checkLog(names: "connecting again")
        }
    }

    @Test("Redis loads its data for a while after a restart")
    func loading() async throws {
        // 6 s for 1,500 jobs: longer than a request waits for a connection.
        try await World.with(redis: ["--key-load-delay", "4000", "--loading-process-events-interval-bytes", "1024"]) {
            world in
            let service = try await world.serve()
            try await world.store.pause("default")
            let ids = try await world.noops(1500, "waiting")
            world.redis.stop()
            let start = Task { try await world.redis.start() }
            var refused = 0
            try await until("it is loaded", within: .seconds(20)) {
                let told = try await world.enqueueNoop(service)
                if told.status == 503 {
                    refused += 1
                    #expect(told.isUnavailable("Redis"), "\(told)")
                }
                return told.status == 202
            }
            try await start.value
            #expect(refused > 0)
            try await world.store.resume("default")
            try await world.checkDone(ids, within: .seconds(20))
            service.checkLog(names: "session lost")
        }
    }

    @Test("PostgreSQL has no connection left: jobs wait without spending an attempt")
    func connections() async throws {
        let settings = ["max_connections=24", "superuser_reserved_connections=0"]
        try await PrivatePostgres.with(settings: settings) { server in
            try await World.with(postgres: server) { world in
                let service = try await world.serve()
                _ = try await world.ask(service, "GET", "/v1/ranks")
                // Others take what is free, and what becomes free.
                var hungry = PostgresConfiguration(conninfo: server.conninfo)
                hungry.sessions = 30
                hungry.applicationName = "others"
                hungry.deadline = .seconds(60)
                let others = PostgresPool(hungry)
                let sleeping = Task {
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 0..<30 { group.addTask { _ = try? await others.query("SELECT pg_sleep(60)") } }
                    }
                }
                defer {
                    sleeping.cancel()
                    others.close()
                }
                try await until("nothing is free", within: .seconds(10)) {
                    _ = try await world.pool.query(
                        """
                        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                        WHERE application_name LIKE 'paidan%' AND pid <> pg_backend_pid()
                            AND application_name <> 'others'
                        """)
                    try await Task.sleep(for: .milliseconds(200))
                    let taken = try await world.count(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'others'")
                    guard taken >= 20 else { return false }
                    return try await world.ask(service, "GET", "/v1/ranks").status == 503
                }
                let refused = try await world.ask(service, "GET", "/v1/ranks")
                #expect(refused.isUnavailable("PostgreSQL"), "\(refused)")
                _ = try await world.store.enqueue([
                    NewJob(id: "needy", kind: "reconcile", args: Array("{}".utf8), queue: "default")
                ])
                let ids = try await world.noops(20, "drained")
                try await world.checkDone(ids, within: .seconds(10))
                try await until("the job meets it", within: .seconds(10)) {
                    service.process.log.contains("job waits for infrastructure")
                }
                sleeping.cancel()
                others.close()
                try await world.ready(service)
                try await world.checkDone(["needy"], within: .seconds(20))
                service.checkLog(names: "too many clients")
            }
        }
    }

    @Test("sessions and statements that an administrator ends, a database set read-only: no attempt is spent")
    func administrator() async throws {
        try await PrivatePostgres.with { server in
            try await World.with(postgres: server) { world in
                let service = try await world.serve()
                let sheet = Sheet(rows: 4000)
                let id = try await world.upload(sheet.csv, to: service)
                try await until("rows are being stored", within: .seconds(30)) {
                    try await world.count("SELECT count(*) FROM paidan.import_row WHERE import_id = \(id)") > 0
                }
                let end = ContinuousClock.now + .seconds(3)
                while ContinuousClock.now < end {
                    let how = Bool.random() ? "pg_terminate_backend" : "pg_cancel_backend"
                    _ = try await world.pool.query(
                        """
                        SELECT count(\(raw: how)(pid)) FROM pg_stat_activity
                        WHERE application_name = 'paidan' AND pid <> pg_backend_pid() AND state <> 'idle'
                        """)
                    try await Task.sleep(for: .milliseconds(100))
                }
                // New sessions can read only.
                _ = try await world.pool.query("ALTER DATABASE postgres SET default_transaction_read_only = on")
                let mark = try await world.pool.query("SELECT clock_timestamp()::text")[0].text(0)
                _ = try await world.pool.query(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'paidan' AND pid <> pg_backend_pid()"
                )
                try await until("the old sessions are gone", within: .seconds(10)) {
                    try await world.count(
                        """
                        SELECT count(*) FROM pg_stat_activity
                        WHERE application_name = 'paidan' AND backend_start < \(mark)::timestamptz
                        """) == 0
                }
                // Whoever is in the middle when the session ends is told so; the next meets the new state.
                try await until("a request meets it", within: .seconds(10)) {
                    let told = try await world.ask(service, "PUT", "/v1/ranks", "[]")
                    #expect(told.isUnavailable("PostgreSQL"), "\(told)")
                    return told.isUnavailable("PostgreSQL is read-only")
                }
                try await Task.sleep(for: .seconds(2))
                _ = try await world.pool.transaction { tx in
                    _ = try tx.query("SET TRANSACTION READ WRITE")
                    _ = try tx.query("ALTER DATABASE postgres RESET default_transaction_read_only")
                }
                _ = try await world.pool.query(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'paidan' AND pid <> pg_backend_pid()"
                )
                try await world.ready(service)
                try await world.rest()
                try await world.check([id: sheet])
                let job = try await world.pool.query("SELECT job_id FROM paidan.import_batch WHERE id = \(id)")[0].text(
                    0)
                #expect(try await world.store.job(job)?.attempt == 1)
                service.checkLog(names: "job waits for infrastructure")
            }
        }
    }
}
