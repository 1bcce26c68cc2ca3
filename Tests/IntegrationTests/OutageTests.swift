import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport
import Testing

@Suite("Stores that go away in the middle")
struct OutageTests {
    /// Waits until the import is about its work.
    private func begun(_ id: Int, _ world: World) async throws {
        try await until("rows are being stored", within: .seconds(30)) {
            try await world.count("SELECT count(*) FROM paidan.import_row WHERE import_id = \(id)") > 0
        }
    }

    /// An outage is nobody's fault.
    private func checkAttempts(_ id: Int, _ world: World) async throws {
        let job = try await world.pool.query("SELECT job_id FROM paidan.import_batch WHERE id = \(id)")[0].text(0)
        #expect(try await world.store.job(job)?.attempt == 1, "the outage cost an attempt")
    }

    @Test("Redis is killed and started again")
    func redis() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let sheet = Sheet(rows: 8000)
            let id = try await world.upload(sheet.csv, to: service)
            try await begun(id, world)
            world.redis.stop()
            try await Task.sleep(for: .milliseconds(500))
            try await world.redis.start()
            try await world.rest()
            try await world.check([id: sheet])
            try await checkAttempts(id, world)
            #expect(service.process.end == nil)
        }
    }

    @Test("PostgreSQL is killed and started again")
    func postgres() async throws {
        try await PrivatePostgres.with { server in
            try await World.with(postgres: server) { world in
                let service = try await world.serve()
                let sheet = Sheet(rows: 8000)
                let id = try await world.upload(sheet.csv, to: service)
                try await begun(id, world)
                try await server.kill()
                try await Task.sleep(for: .milliseconds(500))
                try await server.launch()
                try await world.rest()
                try await world.check([id: sheet])
                try await checkAttempts(id, world)
                #expect(service.process.end == nil)
            }
        }
    }

    @Test("Redis is flushed: what the tables know of goes on within a minute", arguments: ["bulk", "critical"])
    func flush(_ queue: String) async throws {
        try await World.with { world in
            let service = try await world.serve()
            // The queue's jobs are in Redis, and nobody takes them, when it forgets all.
            try await world.store.pause(queue)
            let sheet = Sheet(rows: 2000)
            let id = try await world.upload(sheet.csv, to: service)
            try await until("jobs wait", within: .seconds(30)) {
                try await world.store.queues().contains { $0.name == queue && $0.depth > 0 }
            }
            _ = try await world.client.send(RedisCommand("FLUSHALL"))
            let watch = Stopwatch()
            try await until("the import is done", within: .seconds(60)) {
                try await world.count("SELECT count(*) FROM paidan.import_batch WHERE id = \(id) AND state = 'done'")
                    > 0
            }
            #expect(watch.granted < .seconds(60))
            try await world.rest()
            try await world.check([id: sheet])
        }
    }

    @Test("Redis is flushed while a job runs")
    func flushWhileRunning() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let sheet = Sheet(rows: 8000)
            let id = try await world.upload(sheet.csv, to: service)
            try await begun(id, world)
            _ = try await world.client.send(RedisCommand("FLUSHALL"))
            try await world.rest(within: .seconds(90))
            try await world.check([id: sheet])
        }
    }

    @Test(
        "Redis is flushed, or comes back as it was yesterday, in the middle of 10,000 rows", arguments: [true, false])
    func forgets(_ isRestored: Bool) async throws {
        try await World.with { world in
            let service = try await world.serve()
            let (first, second) = (Sheet(rows: 2000), Sheet(rows: 10_000, first: 20_000_000))
            let a = try await world.upload(first.csv, to: service)
            // The copy holds jobs that wait, that run and that have ended; all of them end later.
            try await begun(a, world)
            if isRestored { try await world.redis.keepCopy() }
            try await world.rest()
            let b = try await world.upload(second.csv, to: service)
            try await until("rows of the second sheet are stored", within: .seconds(90)) {
                try await world.count("SELECT count(*) FROM crm_customer WHERE import_id = \(b)") > 2000
            }
            if isRestored {
                world.redis.stop()
                try await world.redis.restoreCopy()
                try await world.redis.start()
            } else {
                _ = try await world.client.send(RedisCommand("FLUSHALL"))
            }
            let watch = Stopwatch()
            try await until("the import is done", within: .seconds(60)) {
                try await world.count("SELECT count(*) FROM paidan.import_batch WHERE id = \(b) AND state = 'done'")
                    > 0
            }
            #expect(watch.granted < .seconds(60))
            try await world.rest(within: .seconds(90))
            try await world.check([a: first, b: second])
            #expect(service.process.end == nil)
        }
    }
}
