import Jobs
import JobsRedis
import Logging
import OwnerThread
import Redis
import ServiceLifecycle
import TestSupport
import Testing

/// The worker pool over a real server.
@Suite struct PoolTests {
    /// Runs a pool while `body` does, then stops it gracefully.
    func withPool(
        _ f: Fixture, store: (any JobStore)? = nil, process: String? = nil, _ kinds: [Kind], concurrency: Int = 16,
        drain: Duration = .seconds(5),
        isInfrastructure: @escaping @Sendable (any Error) -> Bool = { _ in false },
        _ body: (ServiceGroup) async throws -> Void
    ) async throws {
        var info = f.info
        info.process = process ?? f.process
        var configuration = WorkerConfiguration(worker: info)
        configuration.concurrency = concurrency
        configuration.drain = drain
        configuration.lease = .seconds(3)
        configuration.snooze = .milliseconds(200)
        configuration.stuckAfter = .milliseconds(100)
        configuration.weights = [(f.queue, 3), (f.second, 1)]
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let store = store ?? f.store
        let pool = try WorkerPool(
            store: store, kinds: KindRegistry(kinds), configuration: configuration, logger: logger,
            isInfrastructure: isInfrastructure)
        let promoter = Promoter(store: store, logger: logger)
        let group = ServiceGroup(services: [pool, promoter], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body(group)
            await group.triggerGracefulShutdown()
            try await tasks.next()
        }
        f.store.close()
    }

    @Test func drainsAndBalances() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue((0..<3000).map { f.job("j\($0)") })
        try await withPool(f, [.noop()]) { _ in
            try await eventually("all done") { try await f.store.census(f.queue).succeeded == 3000 }
        }
        try await f.expectBalance()
        #expect(try await f.client.send(RedisCommand("ZCARD", "paidan:{\(f.queue)}:sessions")).int == 0)
    }

    @Test func everyOutcomeOfNoop() async throws {
        let f = try await Fixture()
        var once = f.job("once", #"{"fail":true}"#)
        once.maxAttempts = 1
        _ = try await f.store.enqueue([
            once, f.job("flaky", #"{"fail":1,"result":{"b":[1,null],"a":"中"}}"#), f.job("unknown", kind: "nope"),
            f.job("bad", #"{"sleep_ms":"x"}"#), f.job("large", #"{"result_bytes":70000}"#),
            f.job("sleepy", #"{"sleep_ms":20,"result":5}"#),
        ])
        try await withPool(f, [.noop()]) { _ in
            try await eventually("settled") {
                let census = try await f.store.census(f.queue)
                return census.inFlight == 0 && census.waiting == 0
            }
            let failure = try await f.store.job("once")?.error
            #expect(failure == .init(code: "noop_failed", message: "told to fail in attempt 1"))
            #expect(try await f.state("once") == .dead)
            let flaky = try #require(try await f.store.job("flaky"))
            #expect(flaky.state == .retrying && flaky.attempt == 1)
            let wait = (flaky.runAt ?? 0) - (flaky.startedAt ?? 0)
            #expect(wait >= 7500 && wait <= 15_100)
            #expect(try await f.store.retry("flaky") == .changed)
            try await eventually("again") { try await f.state("flaky") == .succeeded }
            #expect(try await f.store.job("flaky")?.result == Array(#"{"a":"中","b":[1,null]}"#.utf8))
            #expect(try await f.store.job("flaky")?.error == nil)
            #expect(try await f.store.job("unknown")?.error?.code == "unknown_kind")
            #expect(try await f.store.job("bad")?.error?.code == "bad_args")
            let large = try #require(try await f.store.job("large"))
            #expect(large.state == .succeeded && large.result == nil && large.error?.code == "result_too_large")
            #expect(try await f.store.job("sleepy")?.result == Array("5".utf8))
        }
        try await f.expectBalance()
    }

    @Test func aBadJobOfABatchIsIsolated() async throws {
        let f = try await Fixture()
        struct Arguments: Decodable, Sendable { let n: Int }
        let sizes = Lock([Int]())
        let kind = Kind.batch("b", size: 64, queue: f.queue, arguments: Arguments.self) { jobs, _ in
            sizes.withLock { $0.append(jobs.count) }
            if jobs.contains(where: { $0.arguments.n == 13 }) { throw JobError(code: "thirteen", message: "no") }
            return jobs.map { _ in .done() }
        }
        try await f.store.pause(f.queue)
        _ = try await f.store.enqueue(
            (0..<40).map { f.job("j\($0)", #"{"n":\#($0)}"#, kind: "b") } + [f.job("x", "[]", kind: "b")])
        try await withPool(f, [kind], concurrency: 64) { _ in
            try await f.store.resume(f.queue)
            try await eventually("all but one") { try await f.store.census(f.queue).succeeded == 39 }
            try await eventually("settled") { try await f.store.census(f.queue).inFlight == 0 }
        }
        #expect(try await f.store.job("j13")?.error?.code == "thirteen")
        #expect(try await f.state("j13") == .retrying)
        #expect(try await f.store.job("x")?.error?.code == "bad_args")
        #expect(sizes.withLock { $0.max() ?? 0 } > 1)
        try await f.expectBalance()
    }

    @Test func aStopReleasesToTheFront() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue((0..<6).map { f.job("s\($0)", #"{"sleep_ms":600000}"#) })
        try await withPool(f, [.noop()], concurrency: 3, drain: .milliseconds(300)) { _ in
            try await eventually("three run") { try await f.store.census(f.queue).inFlight == 3 }
        }
        let jobs = try await f.store.jobs(JobFilter(state: .queued, queue: f.queue), cursor: nil, limit: 10).jobs
        #expect(jobs.map(\.id) == (0..<6).map { "s\($0)" } && jobs.allSatisfy { $0.attempt == 0 })
        try await f.expectBalance()
    }

    @Test func aStopFinishesWhatIsInHand() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue((0..<4).map { f.job("s\($0)", #"{"sleep_ms":300}"#) })
        try await withPool(f, [.noop()], concurrency: 2) { _ in
            try await eventually("two run") { try await f.store.census(f.queue).inFlight == 2 }
        }
        let census = try await f.store.census(f.queue)
        #expect(census.succeeded == 2 && census.waiting == 2 && census.difference == 0)
    }

    @Test func cancelReachesTheHandler() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("long", #"{"sleep_ms":600000}"#)])
        try await withPool(f, [.noop()], concurrency: 1) { _ in
            try await eventually("runs") { try await f.state("long") == .running }
            #expect(try await f.store.cancel("long") == .changed)
            // Its slot is free again only when the handler has ended.
            _ = try await f.store.enqueue([f.job("next")])
            try await eventually("the slot is free") { try await f.state("next") == .succeeded }
        }
        #expect(try await f.state("long") == .cancelled)
        try await f.expectBalance()
    }

    @Test func aJobThatIsRetriedAtOnceIsNotCancelledAgain() async throws {
        let f = try await Fixture()
        let runs = Lock(0)
        let kind = Kind.raw("again", size: 1, queue: f.queue) { claims, _ in
            let isFirst = runs.withLock { runs in
                runs += 1
                return runs == 1
            }
            // The second run is under way when the session hears that the first was cancelled.
            try await Task.sleep(for: isFirst ? .seconds(600) : .milliseconds(1500))
            return claims.map { _ in .done() }
        }
        _ = try await f.store.enqueue([f.job("a", kind: "again")])
        try await withPool(f, [kind], concurrency: 4) { _ in
            try await eventually("runs") { try await f.state("a") == .running }
            #expect(try await f.store.cancel("a") == .changed)
            #expect(try await f.store.retry("a") == .changed)
            try await eventually("done") { try await f.state("a") == .succeeded }
        }
        #expect(runs.withLock { $0 } == 2)
        try await f.expectBalance()
    }

    @Test func cancelOfOneOfABatchHarmsNoOther() async throws {
        let f = try await Fixture()
        let (calls, hung) = (Lock([[String]]()), Lock([String]?.none))
        let kind = Kind.raw("b", size: 64, queue: f.queue) { claims, _ in
            calls.withLock { $0.append(claims.map(\.id)) }
            let hangs = hung.withLock { hung in
                if hung != nil || claims.count == 1 { return false }
                hung = claims.map(\.id)
                return true
            }
            if hangs { try await Task.sleep(for: .seconds(600)) }
            return claims.map { .done(result: Array("\($0.attempt)".utf8)) }
        }
        _ = try await f.store.enqueue((0..<9).map { f.job("j\($0)", kind: "b") })
        try await withPool(f, [kind], concurrency: 64) { _ in
            try await eventually("a batch hangs") { hung.withLock { $0 != nil } }
            let together = try #require(hung.withLock { $0 })
            let victim = try #require(together.last)
            let watch = Stopwatch()
            #expect(try await f.store.cancel(victim) == .changed)
            try await eventually("the others") { try await f.store.census(f.queue).succeeded == 8 }
            #expect(watch.granted < .milliseconds(2500))
            // They ran again together, without it, and no attempt was spent.
            #expect(calls.withLock { $0.contains(Array(together.dropLast())) })
            #expect(calls.withLock { $0.count { $0.contains(victim) } } == 1)
            #expect(try await f.state(victim) == .cancelled)
            for number in 0..<9 where "j\(number)" != victim {
                #expect(try await f.store.job("j\(number)")?.result == Array("1".utf8))
            }
        }
        try await f.expectBalance()
    }

    @Test func aTimeoutCancelsAndCounts() async throws {
        let f = try await Fixture()
        var job = f.job("slow", #"{"sleep_ms":600000}"#)
        job.timeout = .milliseconds(100)
        job.maxAttempts = 1
        _ = try await f.store.enqueue([job])
        try await withPool(f, [.noop()]) { _ in
            try await eventually("dead") { try await f.state("slow") == .dead }
        }
        #expect(try await f.store.job("slow")?.error?.code == "timeout")
    }

    @Test func infrastructureTroubleSpendsNoAttempt() async throws {
        struct Away: Error {}
        let isAway: @Sendable (any Error) -> Bool = { $0 is Away }
        let f = try await Fixture()
        let calls = Lock(0)
        let kind = Kind.raw("i", size: 8) { claims, _ in
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            if call <= 3 { throw Away() }
            return claims.map { .done(result: Array("\($0.attempt)".utf8)) }
        }
        var job = f.job("i", kind: "i")
        job.maxAttempts = 1
        _ = try await f.store.enqueue([job])
        try await withPool(f, [kind], isInfrastructure: isAway) { _ in
            try await eventually("in the end") { try await f.state("i") == .succeeded }
        }
        #expect(try await f.store.job("i")?.result == Array("1".utf8))
        #expect(calls.withLock { $0 } == 4)
    }

    @Test func aLostSessionCancelsItsHandlersAndGoesOn() async throws {
        let f = try await Fixture()
        let cancelled = Lock(0)
        let kind = Kind.raw("once", size: 1) { claims, _ in
            if cancelled.withLock({ $0 }) == 0 {
                do { try await Task.sleep(for: .seconds(600)) } catch {
                    cancelled.withLock { $0 += 1 }
                    throw error
                }
            }
            return claims.map { _ in .done() }
        }
        _ = try await f.store.enqueue([f.job("a", kind: "once")])
        try await withPool(f, [kind]) { _ in
            try await eventually("runs") { try await f.state("a") == .running }
            f.client.reconnect()
            try await eventually("runs again and ends") { try await f.state("a") == .succeeded }
        }
        #expect(cancelled.withLock { $0 } == 1)
        #expect(try await f.store.job("a")?.attempt == 1)
        try await f.expectBalance()
    }

    @Test func anIdlePoolStartsAJobAtOnce() async throws {
        let f = try await Fixture()
        try await withPool(f, [.noop()]) { _ in
            try await eventually("peeks") {
                let list = try await f.client.send(RedisCommand("CLIENT", "LIST")).string ?? ""
                return list.split(separator: "\n").contains {
                    $0.contains("name=peek-\(f.queue) ") && $0.contains("flags=b")
                }
            }
            let watch = Stopwatch()
            _ = try await f.store.enqueue([f.job("a")])
            try await eventually("started") { try await f.store.job("a")?.startedAt != nil }
            // Far below the second of the fallback.
            #expect(watch.granted < .milliseconds(500 * BuildPace.slowness))
        }
    }

    @Test func suspectsRunAlone() async throws {
        let f = try await Fixture()
        try await f.waitForUptime()
        let (now, most) = (Lock(0), Lock(0))
        let kind = Kind.raw("k", size: 1) { claims, _ in
            let count = now.withLock { count in
                count += 1
                return count
            }
            most.withLock { $0 = max($0, count) }
            try await Task.sleep(for: .milliseconds(20))
            now.withLock { $0 -= 1 }
            return claims.map { _ in .done() }
        }
        _ = try await f.store.enqueue((0..<3).map { f.job("p\($0)", kind: "k") })
        for crash in 1...2 {
            let session = try await f.open(1000 + crash, lease: .milliseconds(1))
            _ = try await f.take(session, 3, from: 1)
            // The session stands in each queue; this one's may end last.
            try await eventually("reaped") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.store.census(f.queue).inFlight == 0
            }
        }
        #expect(try await f.store.census(f.queue).suspect == 3)
        try await withPool(f, [kind]) { _ in
            try await eventually("done") { try await f.store.census(f.queue).succeeded == 3 }
        }
        #expect(most.withLock { $0 } == 1)
        try await f.expectBalance()
    }
}
