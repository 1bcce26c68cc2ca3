import Foundation
import Jobs
import JobsRedis
import Postgres
import TestSupport
import Testing

@Suite("Several hosts")
struct HostsTests {
    /// A worker goes on as a new session once its link is back, so long after that at most.
    static let comeback = Duration.seconds(10)
    static let work = #"{"kind":"noop","args":{"sleep_ms":250}}"#

    @Test("a worker's link is cut in mid-drain for longer than its lease, both ways, then one way")
    func workersLink() async throws {
        try await HostsWorld.with { world in
            try await world.serve("api", on: .api)
            try await world.serve("worker", on: .first)
            try await world.serve("worker,scheduler", on: .second)
            let (first, second) = (Sheet(rows: 3000), Sheet(rows: 1000, first: 20_000_000))
            let a = try await world.upload(first)
            _ = try await world.enqueue(2500, Self.work)
            try await bothWork(world, a)
            try await world.hosts.cut(.first, .stores)
            try await outlive(.first, world, jobs: 2500, [a: first])
            try await world.hosts.restore(.first, .stores)
            try await comesBack(.first, world)

            let b = try await world.upload(second)
            _ = try await world.enqueue(1000, Self.work)
            try await bothWork(world, b)
            // Its commands arrive, and it never hears of it.
            try await world.hosts.cut(from: .stores, to: .second)
            try await outlive(.second, world, jobs: 3500, [a: first, b: second])
            try await world.hosts.restore(from: .stores, to: .second)
            try await comesBack(.second, world)
            // Nothing that was under way arrives late and does harm.
            try await world.check(jobs: 3500, [a: first, b: second])
        }
    }

    private func bothWork(_ world: HostsWorld, _ importID: Int) async throws {
        try await until("both work", within: .seconds(20)) {
            let rows = try await world.count("SELECT count(*) FROM paidan.import_row WHERE import_id = \(importID)")
            let workers = try await world.store.workers()
            return rows > 0 && workers.count == 2 && workers.allSatisfy { $0.running > 0 }
        }
    }

    /// After the cut of `host`: what it had in hand is done by the other.
    private func outlive(_ host: Hosts.Host, _ world: HostsWorld, jobs: Int, _ sheets: [Int: Sheet]) async throws {
        let cut = ContinuousClock.now
        let address = host.address
        // With their locks, whatever they were about.
        try await until("its sessions are ended", within: HostsWorld.lease + .seconds(4)) {
            try await world.count(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE client_addr = \(address)::inet AND application_name <> 'paidan listener'
                """) == 0
        }
        let ended = ContinuousClock.now - cut
        try await until("its session is given up", within: HostsWorld.lease + .seconds(3)) {
            try await !world.store.workers().contains { $0.pid == world.pid(host) }
        }
        let gone = ContinuousClock.now - cut
        try await world.rest(within: .seconds(30))
        note("\(host) cut: PostgreSQL sessions ended \(ended), session \(gone), all done \(ContinuousClock.now - cut)")
        try await world.check(jobs: jobs, sheets)
        try await until("the cut worker knows", within: .seconds(10)) { world.log(host).contains("session lost") }
    }

    private func comesBack(_ host: Hosts.Host, _ world: HostsWorld) async throws {
        let restored = ContinuousClock.now
        try await until("the worker is back", within: Self.comeback) {
            try await world.store.workers().contains { $0.pid == world.pid(host) }
        }
        note("\(host) back \(ContinuousClock.now - restored) after the link")
    }

    @Test("a worker's link is cut while its transaction is open: its locks are free after a lease")
    func locks() async throws {
        try await HostsWorld.with { world in
            try await world.serve("api", on: .api)
            let frozen = try await world.serve(
                "worker,scheduler", on: .first, environment: ["PAIDAN_CRASH_AT": "publishing:assigned!stop"])
            let sheet = Sheet(rows: 200)
            let id = try await world.upload(sheet)
            try await until("the assignment's transaction is open", within: .seconds(20)) { frozen.isFrozen }
            try await world.hosts.cut(.first, .stores)
            let cut = ContinuousClock.now
            frozen.signal(ChildProcess.thaw)
            try await world.serve("worker,scheduler", on: .second)
            try await world.rest(within: .seconds(15))
            note("assigned by the other \(ContinuousClock.now - cut) after the cut")
            try await world.hosts.restore(.first, .stores)
            try await comesBack(.first, world)
            try await world.check(jobs: 0, [id: sheet])
        }
    }

    @Test("the API is cut off from the stores, then everybody is, then the API hears no answers")
    func apisLink() async throws {
        try await HostsWorld.with { world in
            try await world.serve("api", on: .api)
            try await world.serve("worker", on: .first)
            try await world.serve("worker,scheduler", on: .second)
            let sheet = Sheet(rows: 2000)
            let id = try await world.upload(sheet)
            let ids = try await world.enqueue(3000, Self.work)
            try await bothWork(world, id)

            try await world.hosts.cut(.api, .stores)
            try await refuses(world, key: "both-ways", ids[0])
            try await world.hosts.restore(.api, .stores)
            try await takesAgain(world, key: "both-ways")

            _ = try await world.enqueue(1000, Self.work)
            for host in [Hosts.Host.api, .first, .second] { try await world.hosts.cut(host, .stores) }
            try await refuses(world, key: "everybody", ids[1])
            for host in [Hosts.Host.api, .first, .second] { try await world.hosts.restore(host, .stores) }
            try await takesAgain(world, key: "everybody")
            let restored = ContinuousClock.now
            try await until("both workers are back", within: Self.comeback) {
                try await world.store.workers().count == 2
            }
            note("both workers back \(ContinuousClock.now - restored) after the API")

            try await world.hosts.cut(from: .stores, to: .api)
            try await refuses(world, key: "one-way", ids[2])
            try await world.hosts.restore(from: .stores, to: .api)
            try await takesAgain(world, key: "one-way")
            try await world.rest(within: .seconds(30))
            try await world.check(jobs: 4003, [id: sheet])
        }
    }

    /// What needs a store is told so in time; what does not goes on.
    private func refuses(_ world: HostsWorld, key: String, _ job: String) async throws {
        async let enqueue = world.ask(
            "POST", "/v1/jobs", #"{"kind":"noop"}"#, headers: ["Idempotency-Key: \(key)"])
        async let look = world.ask("GET", "/v1/jobs/\(job)")
        async let ranks = world.ask("GET", "/v1/ranks")
        async let ready = world.ask("GET", "/readyz")
        async let alive = world.ask("GET", "/healthz")
        let health = try await alive
        #expect(health.status == 200 && health.seconds < 1, "\(health)")
        for answer in try await [enqueue, look, ranks, ready] {
            note("\(key): \(answer.status) after \(answer.seconds) s")
            #expect(answer.status == 503 && answer.seconds < Self.refusal, "\(answer)")
            #expect(answer.retryAfter != nil, "\(answer)")
        }
    }

    /// Seconds within which a request is refused. Deadline of a Redis command 5 s; PostgreSQL silent 8 s, then 5 s to
    /// connect.
    private static let refusal = 16.0

    /// A client that repeats its request gets through soon, and made one job.
    private func takesAgain(_ world: HostsWorld, key: String) async throws {
        let restored = ContinuousClock.now
        try await until("the API takes jobs", within: Self.comeback) {
            try await world.ask("POST", "/v1/jobs", #"{"kind":"noop"}"#, headers: ["Idempotency-Key: \(key)"]).status
                == 202
        }
        note("\(key): taken \(ContinuousClock.now - restored) after the link")
    }
}

extension HostsTests {
    @Test("name servers that are silent do not hold up a command's deadline")
    func silentNames() async throws {
        try await Hosts.with { hosts in
            try await hosts.cut(.api, .second)
            let folder = PrivateServers.folder + "/names-\(hosts[.api].pid)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try "nameserver \(Hosts.Host.second.address)\n".write(
                toFile: folder + "/resolv.conf", atomically: true, encoding: .utf8)
            try "[redis]\nurl = \"redis://redis.example:6379\"\n".write(
                toFile: folder + "/jobs.conf", atomically: true, encoding: .utf8)
            let watch = Stopwatch()
            let result = try await hosts[.api].run(
                ["unshare", "--mount", "sh", "-c"]
                    + [#"mount --bind "$0" /etc/resolv.conf && exec "$@""#, folder + "/resolv.conf"]
                    + [Program.path, "queues", "list", "--config", folder + "/jobs.conf"])
            let time = watch.granted
            note("silent name servers: refused after \(time): \(result.error)")
            #expect(result.code == 1 && time < .seconds(8), "\(result)")
        }
    }
}

/// Figures for whoever reads the run.
func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
