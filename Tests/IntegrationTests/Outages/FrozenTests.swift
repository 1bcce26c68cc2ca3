import Foundation
import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport
import Testing

@Suite("A store says nothing")
struct FrozenTests {
    @Test("Redis is frozen for 12 s: found within 10 s, its jobs run again once, no crash is counted")
    func redis() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let ids = try await world.noops(10, "long", args: "{\"sleep_ms\":5000}")
            try await until("they run", within: .seconds(10)) {
                try await world.store.queues().reduce(0) { $0 + $1.running } == 10
            }
            let watch = Stopwatch()
            world.redis.freeze()
            let first = try await world.enqueueNoop(service)
            #expect(first.isUnavailable("Redis does not answer"), "\(first)")
            #expect(first.took < .seconds(4), "\(first.took)")
            try await until("it is found", within: .seconds(10)) { service.process.log.contains("session lost") }
            // Found: answers come at once.
            try await until("requests are answered at once", within: .seconds(10)) {
                let next = try await world.ask(service, "GET", "/v1/queues")
                return next.isUnavailable("Redis") && next.took < .milliseconds(500)
            }
            FileHandle.standardError.write(Data("found after \(watch.granted)\n".utf8))
            #expect(watch.granted < .seconds(10))
            try await Task.sleep(for: .seconds(12) - watch.elapsed)
            world.redis.thaw()
            try await world.ready(service)
            try await world.checkDone(ids, within: .seconds(20))
            let crashes = try await world.client.send(RedisCommand("HLEN", "paidan:{default}:crashes")).int
            #expect(crashes == 0)
            service.checkLog(names: "session lost")
        }
    }

    @Test("PostgreSQL is frozen for 12 s: found within 10 s, no attempt is spent")
    func postgres() async throws {
        try await PrivatePostgres.with { server in
            try await World.with(postgres: server) { world in
                let service = try await world.serve()
                #expect(try await world.ask(service, "GET", "/v1/ranks").status == 200)
                let sheet = Sheet(rows: 8000)
                let id = try await world.upload(sheet.csv, to: service)
                try await until("rows are being stored", within: .seconds(30)) {
                    try await world.count("SELECT count(*) FROM paidan.import_row WHERE import_id = \(id)") > 0
                }
                let watch = Stopwatch()
                try server.freeze()
                let first = try await world.ask(service, "GET", "/v1/ranks", timeout: .seconds(15))
                #expect(first.isUnavailable("PostgreSQL does not answer"), "\(first)")
                #expect(first.took < .seconds(5), "\(first.took)")
                try await until("requests are answered at once", within: .seconds(10)) {
                    let next = try await world.ask(service, "GET", "/v1/ranks", timeout: .seconds(15))
                    return next.isUnavailable("PostgreSQL") && next.took < .milliseconds(500)
                }
                FileHandle.standardError.write(Data("found after \(watch.granted)\n".utf8))
                #expect(watch.granted < .seconds(10))
                #expect(try await world.enqueueNoop(service).status == 202)
                try await Task.sleep(for: .seconds(12) - watch.elapsed)
                try server.thaw()
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

    @Test("connections that die silently while the servers live are found within 10 s, each kind of them")
    func swallowed() async throws {
        try await PrivatePostgres.with { server in
            try await World.with(postgres: server) { world in
                let redis = try FaultProxy(to: world.redis.socket)
                let postgres = try FaultProxy(to: server.socket)
                defer {
                    redis.stop()
                    postgres.stop()
                }
                let service = try await world.serve(environment: [
                    "PAIDAN_REDIS_URL": "redis://127.0.0.1:\(redis.port)",
                    "PAIDAN_POSTGRES_URL":
                        "host=127.0.0.1 port=\(postgres.port) user=postgres dbname=postgres sslmode=disable",
                ])
                #expect(try await world.ask(service, "GET", "/v1/ranks").status == 200)
                let ids = try await world.noops(5, "in-hand", args: "{\"sleep_ms\":8000}")
                try await until("they run", within: .seconds(10)) {
                    try await world.store.queues().reduce(0) { $0 + $1.running } == 5
                }
                // The commands' connection, a peek for each queue, two that listen, and the sessions.
                let before = (redis.accepted, postgres.accepted)
                #expect(before.0 == 4 && before.1 >= 3, "\(before)")
                let watch = Stopwatch()
                redis.swallowOpen()
                postgres.swallowOpen()
                try await until("all is well again", within: .seconds(10)) {
                    let ranks = try await world.ask(service, "GET", "/v1/ranks", timeout: .seconds(10))
                    let job = try await world.ask(service, "GET", "/v1/queues", timeout: .seconds(10))
                    return ranks.status == 200 && job.status == 200
                }
                try await until("peeks and listeners are back", within: .seconds(10)) {
                    let listening = try await world.count(
                        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'paidan listener'")
                    return redis.accepted >= before.0 + 4 && listening == 2 && postgres.accepted >= before.1 + 2
                }
                FileHandle.standardError.write(Data("found after \(watch.granted)\n".utf8))
                #expect(watch.granted < .seconds(10))
                try await world.checkDone(ids, within: .seconds(20))
                let late = try await world.noops(1, "late")
                try await world.checkDone(late, within: .seconds(3))
                service.checkLog(names: "session lost")
            }
        }
    }
}
