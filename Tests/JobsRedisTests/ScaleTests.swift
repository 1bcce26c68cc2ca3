import Jobs
import JobsRedis
import Logging
import Redis
import Testing

/// Many at once, in small steps.
@Suite struct ScaleTests {
    /// Claims and settles until nothing waits.
    private func drain(
        _ f: Fixture, _ session: String, from first: Int, _ change: (Claim) -> Settlement.Change
    ) async throws {
        var (slot, settlements) = (first, [Settlement]())
        repeat {
            let claims = try await f.take(session, 256, from: slot, settle: settlements)
            slot += 256
            settlements = claims.map { Settlement($0, change($0)) }
        } while !settlements.isEmpty
    }

    private func enqueue(_ f: Fixture, _ jobs: [NewJob]) async throws {
        for from in stride(from: 0, to: jobs.count, by: 5000) {
            _ = try await f.store.enqueue(Array(jobs[from..<min(from + 5000, jobs.count)]))
        }
    }

    @Test func tenThousandDeadAreRetriedAndDiscarded() async throws {
        let f = try await Fixture()
        try await enqueue(
            f,
            (0..<10_000).map { number in
                var job = f.job("j\(number)", kind: number % 4 == 0 ? "rare" : "often")
                if number < 10 { job.key = "key\(number)" }
                return job
            })
        let session = try await f.open(1)
        try await drain(f, session, from: 1) { _ in .dead(code: "x", message: "y") }
        var elsewhere = f.job("elsewhere")
        elsewhere.queue = f.second
        _ = try await f.store.enqueue([elsewhere])
        #expect(try await f.store.census(f.queue).dead == 10_000)
        // Another job holds the key of one.
        var holder = f.job("holder")
        holder.key = "key4"
        _ = try await f.store.enqueue([holder])
        #expect(try await f.store.retryDead(kind: nil, queue: f.second) == 0)
        #expect(try await f.store.retryDead(kind: "nobody", queue: nil) == 0)
        #expect(try await f.store.retryDead(kind: "rare", queue: f.queue) == 2499)
        #expect(try await f.state("j4") == .dead)
        #expect(try await f.state("j8") == .queued)
        #expect(try await f.state("j1") == .dead)
        #expect(try await f.store.job("j8")?.attempt == 0)
        #expect(try await f.store.discardDead(kind: "often", queue: f.queue) == 7500)
        #expect(try await f.store.job("j1") == nil)
        #expect(try await f.store.discardDead(kind: nil, queue: nil) == 1)
        let census = try await f.store.census(f.queue)
        #expect(census.dead == 0 && census.discarded == 7501 && census.waiting == 2500)
        try await f.expectBalance()
        // One step looks at 200.
        #expect(try await f.store.discard("holder") == .changed)
        try await drain(f, session, from: 1_000_000) { _ in .dead(code: "x", message: "y") }
        var command = RedisCommand("FCALL", try await name(f, "bulk"), "9")
        for key in ["ready", "suspect", "sessions", "delayed", "dead", "done", "crashes", "paused", "counters"] {
            command.append("paidan:{\(f.queue)}:\(key)")
        }
        for word in ["retry", "", "0", "0"] { command.append(word) }
        let step = try await f.client.send(command).array?.compactMap(\.int) ?? []
        #expect(step.first == 200)
        try await f.expectBalance()
    }

    /// The function's name with its version.
    private func name(_ f: Fixture, _ function: String) async throws -> String {
        let reply = try await f.client.send(RedisCommand("FUNCTION", "LIST"))
        func words(_ reply: RedisReply) -> [String] { reply.array?.flatMap(words) ?? [reply.string ?? ""] }
        return try #require(words(reply).first { $0.hasPrefix("paidan_\(function)_") })
    }

    @Test func fiftyThousandArePrunedWhileOthersDrain() async throws {
        let f = try await Fixture()
        let count = 50_000
        try await enqueue(f, (0..<count).map { f.job("old\($0)") })
        let session = try await f.open(1)
        try await drain(f, session, from: 1) { _ in LimitContractTests.done }
        #expect(try await f.store.census(f.queue).succeeded == count)
        _ = try await f.store.enqueue((0..<3000).map { f.job("new\($0)", #"{"result":1}"#) })
        let store = f.store
        // Everything that ended before now is old; what ends meanwhile may go too.
        async let pruned = Task {
            var (steps, most, total) = (0, 0, 0)
            while true {
                let looked = try await store.prune(done: .milliseconds(1), dead: .seconds(60))
                if looked == 0 { return (steps, most, total) }
                (steps, most, total) = (steps + 1, max(most, looked), total + looked)
            }
        }.value
        try await PoolTests().withPool(f, [.noop()]) { _ in
            try await eventually("drained", within: .seconds(20)) {
                try await f.store.census(f.queue).succeeded == count + 3000
            }
        }
        let (steps, most, total) = try await pruned
        #expect(total >= count && steps >= count / 256 && most <= 256, "\(steps) \(most) \(total)")
        #expect(try await f.store.job("old0") == nil)
        #expect(try await f.store.census(f.queue).succeeded == count + 3000)
        try await f.expectBalance()
    }

    @Test func progressIsWrittenFourTimesASecond() async throws {
        let f = try await Fixture()
        let kind = Kind.raw("p", size: 1, queue: f.queue) { claims, context in
            for step in 1...1500 {
                context.progress(done: step, total: 1500)
                try await Task.sleep(for: .milliseconds(1))
            }
            return claims.map { _ in .done() }
        }
        _ = try await f.store.enqueue([f.job("a", kind: "p")])
        let store = CountingStore(f.store)
        let start = ContinuousClock.now
        try await PoolTests().withPool(f, store: store, [kind]) { _ in
            try await eventually("done") { try await f.state("a") == .succeeded }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        #expect(
            store[.progress] >= 2 && Double(store[.progress]) <= seconds * 4 + 2, "\(store[.progress]) in \(seconds) s")
        // The last is not lost, however soon the end comes after it.
        #expect(try await f.store.job("a")?.progress == .init(done: 1500, total: 1500))
    }

    @Test func stuckHandlersAreCountedAndShown() async throws {
        let f = try await Fixture()
        let release = AsyncStream.makeStream(of: Void.self)
        let kind = Kind.raw("deaf", size: 1, queue: f.queue) { claims, _ in
            await Task { for await _ in release.stream { return } }.value
            return claims.map { _ in .done() }
        }
        var job = f.job("a", kind: "deaf")
        job.timeout = .milliseconds(100)
        _ = try await f.store.enqueue([job])
        try await PoolTests().withPool(f, [kind]) { _ in
            try await eventually("shown in the list of workers") {
                try await f.store.workers().first { $0.process == f.process }?.stuck == 1
            }
            release.continuation.yield()
            try await eventually("no longer") {
                try await f.store.workers().first { $0.process == f.process }?.stuck == 0
            }
        }
        try await f.expectBalance()
    }
}
