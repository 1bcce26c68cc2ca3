import Foundation
import Jobs
import JobsRedis
import Redis
import TestSupport
import Testing

@Suite("Suspects run in a process of their own")
struct SuspectTests {
    @Test("the third crash takes that process and not the service; innocents succeed once")
    func thirdCrash() async throws {
        try await World.with { world in
            let others = (0..<200).map { world.noop("other-\($0)", "{\"sleep_ms\":200}") }
            let culprit = NewJob(
                id: "culprit", kind: "debug.crash", args: Array("{\"sleep_ms\":300}".utf8), queue: "default")
            _ = try await world.store.enqueue([world.noop("innocent", "{\"sleep_ms\":1500}"), culprit] + others)
            for crash in 1...2 {
                let doomed = try await world.serve("worker")
                try await until("crash \(crash)", within: .seconds(20)) { doomed.process.end != nil }
                #expect(doomed.process.end == .signalled(ChildProcess.kill))
            }
            let service = try await world.serve()
            try await until("the culprit is dead", within: .seconds(30)) {
                try await world.store.job("culprit")?.state == .dead
            }
            try await until("all others have succeeded", within: .seconds(10)) {
                try await world.store.census("default").succeeded == 201
            }
            #expect(try await world.store.job("culprit")?.error?.code == "poison")
            #expect(try await world.store.job("innocent")?.state == .succeeded)
            #expect(service.process.end == nil)
            let log = service.process.log
            #expect(log.contains("the process of the suspects has ended"), "\(log)")
            #expect(log.contains("\"signal\":\"9\""), "\(log)")
            #expect(!log.contains("session lost"), "the service did not notice")
            let census = try await world.store.census("default")
            #expect(census.difference == 0 && census.dead == 1 && census.suspect == 0, "\(census)")
            #expect(try await world.client.send(RedisCommand("HLEN", "paidan:{default}:crashes")).int == 0)
        }
    }

    @Test("timeout, cancellation and result are settled as everywhere, and the process ends when there are no more")
    func settlement() async throws {
        try await World.with { world in
            var slow = world.noop("slow", "{\"sleep_ms\":60000}")
            slow.timeout = .milliseconds(300)
            slow.maxAttempts = 1
            try await world.accuse([
                slow, world.noop("unwanted", "{\"sleep_ms\":60000}"), world.noop("good", "{\"result\":5}"),
            ])
            let service = try await world.serve("worker")
            let pid = try await service.suspectsPID()
            let command = try world.commandLine(pid)
            #expect(command.contains("suspects --queue default"))
            #expect(!command.contains(world.redis.socket) && !command.contains("postgresql"), "no secrets: \(command)")
            try await until("it runs the one to be cancelled", within: .seconds(15)) {
                try await world.store.job("unwanted")?.state == .running
            }
            let workers = try await world.store.workers()
            #expect(workers.contains { $0.pid == pid && $0.queues == ["default"] }, "\(workers)")
            #expect(try await world.store.cancel("unwanted") == .changed)
            try await until("the last has run", within: .seconds(15)) {
                try await world.store.job("good")?.state == .succeeded
            }
            #expect(try await world.store.job("good")?.result == Array("5".utf8))
            #expect(try await world.store.job("unwanted")?.state == .cancelled)
            #expect(try await world.store.job("slow")?.error?.code == "timeout")
            try await until("it has ended", within: .seconds(10)) {
                service.process.log.contains("the process of the suspects has ended")
            }
            #expect(service.process.log.contains("\"exit_code\":\"0\""))
            #expect(try await world.store.census("default").difference == 0)
        }
    }

    @Test("killed with the service it ends too, and its job is not condemned for that")
    func orphan() async throws {
        try await World.with { world in
            try await world.accuse([world.noop("innocent", "{\"sleep_ms\":60000}")])
            let service = try await world.serve("worker")
            let pid = try await service.suspectsPID()
            try await until("it runs", within: .seconds(15)) {
                try await world.store.job("innocent")?.state == .running
            }
            let watch = Stopwatch()
            try await service.kill()
            try await until("the process has ended with its parent", within: .seconds(3)) { !world.isAlive(pid) }
            #expect(watch.granted < .seconds(3))
            #expect(try await world.store.job("innocent")?.state == .queued)
            #expect(try await world.store.job("innocent")?.attempt == 0)
            #expect(try await world.store.census("default").suspect == 1)
            let count = try await world.client.send(RedisCommand("HGET", "paidan:{default}:crashes", "innocent"))
            #expect(count.string == "2", "that was no crash of the job's")
        }
    }

    @Test("SIGTERM to the service drains it too")
    func stop() async throws {
        try await World.with { world in
            try await world.accuse([world.noop("long", "{\"sleep_ms\":60000}")])
            let service = try await world.serve("worker")
            let pid = try await service.suspectsPID()
            try await until("it runs", within: .seconds(15)) { try await world.store.job("long")?.state == .running }
            service.process.signal(ChildProcess.terminate)
            #expect(try await service.process.finish() == .exited(0))
            #expect(!world.isAlive(pid))
            #expect(try await world.store.job("long")?.state == .queued)
            #expect(try await world.store.job("long")?.attempt == 0)
            #expect(try await world.store.workers().isEmpty)
        }
    }

    @Test("nothing starts while the queue is paused or the service quiet")
    func paused() async throws {
        try await World.with { world in
            try await world.store.pause("default")
            try await world.accuse([world.noop("suspect", "{}")])
            let service = try await world.serve("worker")
            let mark = "suspects run in a process of their own"
            try await Task.sleep(for: .milliseconds(2500))
            #expect(!service.process.log.contains(mark))
            service.process.signal(SIGTSTP)
            try await until("it is quiet", within: .seconds(5)) { service.process.log.contains("quiet:") }
            try await world.store.resume("default")
            try await Task.sleep(for: .milliseconds(2500))
            #expect(!service.process.log.contains(mark))
            service.process.signal(ChildProcess.thaw)
            try await until("it has run", within: .seconds(15)) {
                try await world.store.job("suspect")?.state == .succeeded
            }
        }
    }
}

extension World {
    fileprivate func noop(_ id: String, _ args: String) -> NewJob {
        NewJob(id: id, kind: "noop", args: Array(args.utf8), queue: "default")
    }

    /// Enqueues jobs and makes them suspects: they are in flight when two workers vanish.
    fileprivate func accuse(_ jobs: [NewJob]) async throws {
        try await until("the server is older than a lease", within: .seconds(5)) {
            let info = try await client.send(RedisCommand("INFO", "server")).string ?? ""
            return !info.contains("uptime_in_seconds:0\r\n")
        }
        _ = try await store.enqueue(jobs)
        let wasPaused = try await store.queues().contains { $0.name == "default" && $0.isPaused }
        try await store.resume("default")
        for crash in 1...2 {
            let session = "ghost\(crash).1"
            try await store.open(session: session, lease: .milliseconds(200), predecessor: nil)
            let reply = try await store.exchange(
                Exchange(queue: "default", session: session, take: jobs.count, firstSlot: 1))
            guard reply.claims.count == jobs.count else { throw ScenarioError("claimed \(reply.claims.count)") }
            try await until("they are taken back", within: .seconds(5)) {
                _ = try await store.reap(lease: .milliseconds(200))
                return try await store.census("default").inFlight == 0
            }
        }
        if wasPaused { try await store.pause("default") }
        let suspects = try await store.census("default").suspect
        guard suspects == jobs.count else { throw ScenarioError("\(suspects) suspects") }
    }

    fileprivate func commandLine(_ pid: Int) throws -> String {
        let bytes = try Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline"))
        return String(decoding: bytes.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
    }

    /// A process that has ended and waits for its parent to ask how is not alive.
    fileprivate func isAlive(_ pid: Int) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !status.contains(") Z ")
    }
}

extension Service {
    /// Number of the process that runs suspects, once it is there.
    fileprivate func suspectsPID() async throws -> Int {
        var found: Int?
        try await until("suspects have a process", within: .seconds(15)) {
            found = process.log.firstMatch(of: /suspects run in a process of their own".*"pid":"?([0-9]+)/)
                .flatMap { Int($0.1) }
            return found != nil
        }
        return found ?? 0
    }
}
