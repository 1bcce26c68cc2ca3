import Foundation
import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport
import Testing

@Suite("A store is full")
struct FullTests {
    @Test("Redis has no memory: new jobs are refused, everything else goes on and the queue drains")
    func memory() async throws {
        try await World.with { world in
            let service = try await world.serve()
            try await world.store.pause("default")
            let big = "{\"result\":\"\(String(repeating: "x", count: 20_000))\"}"
            let ids = try await world.noops(60, "waiting", args: big)
            let failing = try await world.noops(1, "failing", args: "{\"fail\":1,\"sleep_ms\":10}")
            let endless = try await world.noops(1, "endless", args: "{\"sleep_ms\":60000}")
            let keys = try await world.client.send(RedisCommand("DBSIZE")).int
            _ = try await world.client.send(RedisCommand("CONFIG", "SET", "maxmemory", "1mb"))

            let refused = try await world.enqueueNoop(service)
            #expect(refused.isUnavailable("no memory left"), "\(refused)")
            #expect(refused.took < .seconds(1))
            let bulk = try await world.ask(service, "GET", "/v1/jobs?limit=1")
            #expect(bulk.status == 200)
            #expect(try await world.client.send(RedisCommand("DBSIZE")).int == keys, "nothing is half written")
            let command = try await world.command("enqueue", "noop")
            #expect(command.code == .exited(1) && command.message.contains("maxmemory"), "\(command)")
            // A sheet is in PostgreSQL, and its job waits in the outbox.
            let sheet = Sheet(rows: 40)
            let id = try await world.upload(sheet.csv, to: service)

            try await world.store.resume("default")
            try await world.checkDone(ids, within: .seconds(20))
            try await until("the failing job waits for its next attempt", within: .seconds(10)) {
                try await world.store.job(failing[0])?.state == .retrying
            }
            try await until("the endless job runs", within: .seconds(10)) {
                try await world.store.job(endless[0])?.state == .running
            }
            let cancelled = try await world.ask(service, "POST", "/v1/jobs/\(endless[0])/cancel")
            #expect(cancelled.status == 200, "\(cancelled)")
            let retried = try await world.ask(service, "POST", "/v1/jobs/\(failing[0])/retry")
            #expect(retried.status == 200, "\(retried)")
            try await until("the failing job is done", within: .seconds(10)) {
                try await world.store.job(failing[0])?.state == .succeeded
            }
            #expect(!service.process.log.contains("session lost"), "beats go on")
            #expect(try await world.enqueueNoop(service).status == 503)

            _ = try await world.client.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
            try await until("jobs are taken again", within: .seconds(5)) {
                try await world.enqueueNoop(service).status == 202
            }
            try await world.rest()
            try await world.check([id: sheet])
            service.checkLog(names: "maxmemory")
        }
    }

    @Test("the disk of Redis is full", arguments: ["always", "everysec"])
    func redisDisk(_ fsync: String) async throws {
        try await SmallDisk.with(megabytes: 4) { disk in
            try await World.with(redis: ["--dir", disk.path, "--appendfsync", fsync]) { world in
                let service = try await world.serve()
                let before = try await world.noops(20, "before")
                try await world.checkDone(before, within: .seconds(10))
                let sleepy = try await world.noops(3, "sleepy", args: "{\"sleep_ms\":6000}")
                try await until("they run", within: .seconds(10)) {
                    try await world.store.queues().reduce(0) { $0 + $1.running } == 3
                }
                disk.fill()
                // With `always` Redis ends itself, else it refuses to write. A little may still fit.
                let refused = try await told(world, service)
                #expect(
                    refused.isUnavailable(
                        fsync == "always" ? "Redis does not answer" : "Redis cannot write to its disk"),
                    "\(refused)")
                #expect(refused.took < .seconds(4))
                disk.empty()
                if fsync == "always" { try await world.redis.start() }
                try await world.ready(service, within: .seconds(15))
                try await until("jobs are taken again", within: .seconds(10)) {
                    try await world.enqueueNoop(service).status == 202
                }
                try await world.checkDone(before + sleepy, within: .seconds(20))
                service.checkLog(names: fsync == "always" ? "session lost" : "MISCONF")
            }
        }
    }

    /// Asks until something is refused.
    private func told(_ world: World, _ service: Service) async throws -> Told {
        for _ in 0..<200 {
            let told = try await world.enqueueNoop(service, "{\"result\":\"\(String(repeating: "y", count: 8000))\"}")
            if told.status != 202 { return told }
        }
        throw ScenarioError("nothing was refused")
    }

    @Test("the disk of PostgreSQL is full")
    func postgresDisk() async throws {
        try await SmallDisk.with(megabytes: 160) { disk in
            try await PrivatePostgres.with(disk: disk, settings: ["max_wal_size=32MB", "wal_keep_size=0"]) { server in
                try await World.with(postgres: server) { world in
                    let service = try await world.serve()
                    let small = Sheet(rows: 100)
                    let a = try await world.upload(small.csv, to: service)
                    try await world.rest()
                    disk.fill()
                    let large = Sheet(rows: 8000, first: 20_000_000)
                    var b: Int?
                    try await until("the disk is found full", within: .seconds(20)) {
                        if b == nil { b = try? await world.upload(large.csv, to: service) }
                        let told = try await world.ask(
                            service, "POST", "/v1/customers",
                            "{\"name\":\"\(String(repeating: "长", count: 8))\",\"qq\":\(UInt32.random(in: 1_000_000_000...2_000_000_000))}"
                        )
                        if told.status == 503 { #expect(told.isUnavailable("PostgreSQL"), "\(told)") }
                        let isFelt =
                            service.process.log.contains("No space left") || service.process.log.contains("53100")
                            || service.process.log.contains("job waits for infrastructure")
                        return told.status == 503 && told.retryAfter != nil || isFelt
                    }
                    #expect(try await world.enqueueNoop(service).status == 202, "Redis takes jobs all the while")
                    disk.empty()
                    if !server.isRunning { try await server.launch() }
                    try await world.ready(service, within: .seconds(20))
                    if b == nil { b = try await world.upload(large.csv, to: service) }
                    try await world.rest(within: .seconds(60))
                    let done = try await world.count("SELECT count(*) FROM paidan.import_batch WHERE state = 'done'")
                    #expect(done == 2)
                    let (first, second) = (a, b ?? 0)
                    for (number, sheet) in [(first, small), (second, large)] {
                        let owned = try await world.count(
                            "SELECT count(*) FROM crm_customer WHERE import_id = \(number) AND pool_state = 'private'")
                        #expect(owned == sheet.ok)
                        let job = try await world.pool.query(
                            "SELECT job_id FROM paidan.import_batch WHERE id = \(number)")[0].text(0)
                        #expect(try await world.store.job(job)?.attempt == 1)
                    }
                    #expect(service.process.end == nil)
                }
            }
        }
    }
}
