import Curl
import Foundation
import Jobs
import JobsRedis
import Redis
import TestSupport
import Testing

@Suite("A running service")
struct LifeTests {
    @Test("SIGTSTP: no more claims, what is in hand goes on, the API answers; SIGCONT: claims again")
    func quiet() async throws {
        try await World.with { world in
            let service = try await world.serve()
            // Longer than the lease.
            _ = try await world.store.enqueue([world.noop("long", "{\"sleep_ms\":4000}")])
            try await until("it runs", within: .seconds(10)) { try await world.store.job("long")?.state == .running }
            service.process.signal(SIGTSTP)
            try await until("it is quiet", within: .seconds(5)) { service.process.log.contains("quiet:") }
            _ = try await world.store.enqueue([world.noop("next", "{}")])
            try await until("its registration says so", within: .seconds(5)) {
                try await world.workers(service).contains { $0.quiet && $0.queues == ["bulk", "critical", "default"] }
            }
            try await until("what was in hand is done", within: .seconds(10)) {
                try await world.store.job("long")?.state == .succeeded
            }
            #expect(try await world.store.job("long")?.attempt == 1)
            #expect(try await world.store.job("next")?.state == .queued)
            #expect(!service.process.log.contains("session lost"))
            service.process.signal(ChildProcess.thaw)
            try await until("it claims again", within: .seconds(5)) {
                try await world.store.job("next")?.state == .succeeded
            }
            try await until("its registration says so", within: .seconds(5)) {
                try await world.workers(service).allSatisfy { !$0.quiet }
            }
        }
    }

    @Test("workers show who they are; one that was killed disappears when its registration ends")
    func workers() async throws {
        try await World.with { world in
            let first = try await world.serve()
            let second = try await world.serve("worker")
            _ = try await world.store.enqueue((0..<2).map { world.noop("j\($0)", "{\"sleep_ms\":60000}") })
            try await until("both are there, two jobs run", within: .seconds(10)) {
                let workers = try await world.workers(first)
                return workers.count == 2 && workers.map(\.running).reduce(0, +) == 2
            }
            let workers = try await world.workers(first)
            #expect(Set(workers.map(\.pid)) == [Int(first.process.pid), Int(second.process.pid)])
            for worker in workers {
                #expect(worker.host == ProcessInfo.processInfo.hostName)
                #expect(!worker.version.isEmpty && worker.id.contains("\(worker.pid)"))
                #expect(worker.startedAt.hasSuffix("+08:00"), "\(worker.startedAt)")
                #expect(!worker.quiet && worker.queues == ["bulk", "critical", "default"])
            }
            try await second.kill()
            let watch = Stopwatch()
            try await until("it is off the list", within: .seconds(5)) {
                try await world.workers(first).map(\.pid) == [Int(first.process.pid)]
            }
            #expect(watch.granted < .seconds(4), "its lease is 3 s")
        }
    }

    @Test("SIGHUP: queues come, change and go while jobs are in hand, and none is lost or doubled")
    func queues() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let before = try world.conf()
            _ = try await world.store.enqueue([world.noop("in-hand", "{\"sleep_ms\":3000}")])
            try await until("it runs", within: .seconds(10)) { try await world.store.job("in-hand")?.state == .running }
            #expect(try await world.post("{\"kind\":\"noop\",\"queue\":\"extra\"}", service).status == 422)

            let extra =
                before.replacing("enabled = true", with: "enabled = true\nmax_attempts = 3") + """
                    [queues.extra]
                    weight = 2
                    [queues.bulk]
                    weight = 5
                    [schedules.yearly]
                    cron = "@yearly"
                    kind = "noop"

                    """
            try await world.reload(extra, service)
            for change in ["queues.extra added, weight 2", "queues.bulk.weight 1 → 5", "kinds.noop.max_attempts"] {
                #expect(service.process.log.contains(change), "\(service.process.log)")
            }
            #expect(service.process.log.contains("schedules.yearly added\",\"needs_restart\":\"nothing\""))
            let answer = try await world.post(
                "{\"kind\":\"noop\",\"queue\":\"extra\",\"args\":{\"sleep_ms\":2500}}", service)
            #expect(answer.status == 202 && answer.maxAttempts == 3)
            try await until("the new queue is worked on", within: .seconds(5)) {
                try await world.field("state", answer.id) == "running"
            }
            try await until("its registration names it", within: .milliseconds(900)) {
                try await world.workers(service).allSatisfy { $0.queues.contains("extra") }
            }

            // One that waits and one in hand when the queue goes.
            try await world.set(paused: true)
            let waiting = try await world.post("{\"kind\":\"noop\",\"queue\":\"extra\"}", service).id
            try await world.reload(before, service)
            #expect(service.process.log.contains("queues.extra removed"))
            #expect(service.process.log.contains("a queue was removed that holds jobs"))
            try await world.set(paused: false)
            #expect(try await world.post("{\"kind\":\"noop\",\"queue\":\"extra\"}", service).status == 422)
            try await until("what was in hand is settled", within: .seconds(8)) {
                try await world.field("state", answer.id) == "succeeded"
            }
            #expect(try await world.field("state", waiting) == "queued")
            #expect(try await world.field("attempt", answer.id) == "1")

            try await world.reload(extra, service)
            try await until("what waited runs when the queue is back", within: .seconds(5)) {
                try await world.field("state", waiting) == "succeeded"
            }
            try await until("the first is done", within: .seconds(5)) {
                try await world.store.job("in-hand")?.state == .succeeded
            }
            #expect(try await world.store.job("in-hand")?.attempt == 1)
            #expect(!service.process.log.contains("session lost"), "\(service.process.log)")

            // A wrong file changes nothing.
            try (extra + "[queues.more]\nweight = 0\n").write(toFile: world.confPath, atomically: true, encoding: .utf8)
            service.process.signal(SIGHUP)
            try await until("it is refused", within: .seconds(5)) {
                service.process.log.contains("the running settings stay")
            }
            #expect(service.process.log.contains("queues.more.weight"), "\(service.process.log)")
            let line = extra.split(separator: "\n", omittingEmptySubsequences: false).count + 1
            #expect(service.process.log.contains("jobs.conf:\(line)"), "\(line): \(service.process.log)")
            #expect(try await world.post("{\"kind\":\"noop\",\"queue\":\"extra\"}", service).status == 202)
        }
    }
}

private struct WorkerLine: Decodable {
    let id: String
    let host: String
    let pid: Int
    let version: String
    let startedAt: String
    let running: Int
    let quiet: Bool
    let queues: [String]
}

extension World {
    fileprivate func noop(_ id: String, _ args: String) -> NewJob {
        NewJob(id: id, kind: "noop", args: Array(args.utf8), queue: "default")
    }

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()

    private func ask(_ method: String, _ url: String, _ body: String = "") async throws -> HTTPResponse {
        var request = HTTPRequest(
            method, url, headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")],
            body: Array(body.utf8))
        request.timeout = .seconds(10)
        return try await curl.send(request)
    }

    fileprivate func workers(_ service: Service) async throws -> [WorkerLine] {
        struct Page: Decodable { let items: [WorkerLine] }
        let answer = try await ask("GET", service.url + "/v1/workers")
        return try Self.decoder.decode(Page.self, from: Data(answer.body)).items
    }

    fileprivate func post(
        _ job: String, _ service: Service
    ) async throws -> (status: Int, id: String, maxAttempts: Int?) {
        struct Job: Decodable {
            let id: String?
            let maxAttempts: Int?
        }
        let answer = try await ask("POST", service.url + "/v1/jobs", job)
        let made = try Self.decoder.decode(Job.self, from: Data(answer.body))
        return (answer.status, made.id ?? "", made.maxAttempts)
    }

    /// Of a job of the queue that comes and goes.
    fileprivate func field(_ name: String, _ id: String) async throws -> String? {
        try await client.send(RedisCommand("HGET", "paidan:{extra}:job:" + id, name)).string
    }

    fileprivate func set(paused: Bool) async throws {
        let command =
            paused ? RedisCommand("SET", "paidan:{extra}:paused", "1") : RedisCommand("DEL", "paidan:{extra}:paused")
        _ = try await client.send(command)
    }

    fileprivate func conf() throws -> String { try String(contentsOfFile: confPath, encoding: .utf8) }

    fileprivate func reload(_ text: String, _ service: Service) async throws {
        func reloads() -> Int { service.process.log.matches(of: /configuration reloaded/).count }
        try text.write(toFile: confPath, atomically: true, encoding: .utf8)
        let count = reloads()
        service.process.signal(SIGHUP)
        try await until("it is reloaded", within: .seconds(5)) { reloads() > count }
    }
}
