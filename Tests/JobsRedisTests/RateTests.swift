import Jobs
import JobsRedis
import OwnerThread
import Redis
import TestSupport
import Testing

/// Sliding windows: of a key, asked by handlers; and of a kind's starts, kept by the claim.
@Suite struct RateTests {
    @Test(arguments: StoreUnderTest.allCases)
    func aWindowIsNeverOverfull(_ which: StoreUnderTest) async throws {
        let b = try await LimitContractTests.Bench(which)
        let rate = Rate(3, per: .milliseconds(2000))
        let store = b.store
        let queue = b.f.queue
        let waits = try await withThrowingTaskGroup(of: Duration?.self) { group in
            for _ in 0..<20 { group.addTask { try await store.permit(queue: queue, key: "k:1", rate: rate) } }
            return try await group.reduce(into: [Duration?]()) { $0.append($1) }
        }
        #expect(waits.count { $0 == nil } == 3)
        #expect(waits.compactMap { $0 }.allSatisfy { $0 > .zero && $0 <= .milliseconds(2001) })
        // Keys and queues are apart.
        #expect(try await store.permit(queue: queue, key: "k:2", rate: rate) == nil)
        #expect(try await store.permit(queue: b.f.second, key: "k:1", rate: rate) == nil)
        // A lower limit counts at once; a refused one leaves nothing behind.
        let wait = try #require(
            try await store.permit(queue: queue, key: "k:1", rate: Rate(1, per: .milliseconds(2000))))
        if which == .redis {
            try await Task.sleep(for: wait)
            let length = try await b.f.client.send(RedisCommand("LLEN", "paidan:{\(queue)}:rate:k:1")).int ?? 9
            #expect(length <= 3)
            let life = try await b.f.client.send(RedisCommand("PTTL", "paidan:{\(queue)}:rate:k:2")).int ?? 0
            #expect(life <= 2001 && life != -1)
        } else {
            b.clock.withLock { $0 += Int(wait / .milliseconds(1)) + 1 }
        }
        #expect(try await store.permit(queue: queue, key: "k:1", rate: rate) == nil)
    }

    @Test func aClockSetBackDoesNotLockUp() async throws {
        let f = try await Fixture()
        let key = "paidan:{\(f.queue)}:rate:back"
        let day = 86_400_000
        let time = try await f.client.send(RedisCommand("TIME")).array?.first?.string ?? "0"
        for _ in 0..<2 {
            _ = try await f.client.send(RedisCommand("LPUSH", key, String((Int(time) ?? 0) * 1000 + day)))
        }
        let wait = try await f.store.permit(queue: f.queue, key: "back", rate: Rate(2, per: .milliseconds(200)))
        #expect(wait ?? .zero <= .milliseconds(201))
        try await Task.sleep(for: wait ?? .zero)
        #expect(try await f.store.permit(queue: f.queue, key: "back", rate: Rate(2, per: .milliseconds(200))) == nil)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func startsOfAKindKeepItsRate(_ which: StoreUnderTest) async throws {
        let b = try await LimitContractTests.Bench(which)
        let window = 600
        try await b.store.limit([KindLimit(kind: b.kind, rate: Rate(4, per: .milliseconds(window)))])
        try await b.open(1)
        try await b.add((0..<10).map { "a\($0)" })
        try await b.add(["free"], kind: "other")
        try await b.add((0..<2).map { "s\($0)" }, second: true)
        var claims = try await b.take(20)
        #expect(claims.map(\.id) == ["a0", "a1", "a2", "a3", "free"])
        #expect(try await b.take(20, second: true).isEmpty)
        #expect(try await b.store.census(b.f.queue).waiting == 6)
        #expect(try await b.store.job("a4")?.attempt == 0)
        // An end makes no room; time does, and the promoter says when.
        #expect(try await b.take(20, settle: claims.map { ($0, LimitContractTests.done) }).isEmpty)
        let next = try #require(try await b.store.promote().nextDue)
        #expect(next > .zero && next <= .milliseconds(window + 1))
        if which == .memory {
            b.clock.withLock { $0 += window }
            claims = try await b.take(20)
            #expect(claims.map(\.id) == ["a4", "a5", "a6", "a7"])
        }
        try await b.balance()
    }

    @Test func thePoolStartsAsOftenAsTheRateAllows() async throws {
        let f = try await Fixture()
        let order = Lock([String]())
        var kind = Kind.raw("rated.\(f.queue)", size: 1, queue: f.queue) { claims, _ in
            order.withLock { $0 += claims.map(\.id) }
            return claims.map { .done(result: Array("\($0.attempt)".utf8)) }
        }
        kind.rate = Rate(5, per: .milliseconds(400))
        let store = CountingStore(f.store)
        _ = try await f.store.enqueue((10..<30).map { f.job("r\($0)", kind: kind.name) } + [f.job("free")])
        let watch = Stopwatch()
        try await PoolTests().withPool(f, store: store, [kind, .noop()], concurrency: 1) { _ in
            try await eventually("not held up") { try await f.state("free") == .succeeded }
            #expect(try await f.store.census(f.queue).waiting > 5)
            try await eventually("all done") { try await f.store.census(f.queue).succeeded == 21 }
        }
        // Four windows, the first at once; the promoter is at most a second late the first time.
        #expect(watch.elapsed >= .milliseconds(1200))
        #expect(watch.granted < .seconds(5 * BuildPace.slowness))
        var starts: [Int] = []
        for number in 10..<30 {
            let job = try #require(try await f.store.job("r\(number)"))
            #expect(job.attempt == 1)
            starts.append(job.startedAt ?? 0)
        }
        #expect(starts == starts.sorted())
        for place in 5..<starts.count { #expect(starts[place] - starts[place - 5] > 400, "\(starts)") }
        #expect(store[.exchange] < 150 && store[.promote] < 60, "\(store[.exchange]) \(store[.promote])")
        try await f.expectBalance()
    }

    @Test func aHandlerAsksAndSnoozes() async throws {
        let f = try await Fixture()
        let sent = Lock([ContinuousClock.Instant]())
        let kind = Kind.raw("send.\(f.queue)", size: 1, queue: f.queue) { claims, context in
            if let wait = try await context.permit("channel:a", limit: 2, per: .milliseconds(500)) { return [wait] }
            sent.withLock { $0.append(.now) }
            return claims.map { .done(result: Array("\($0.attempt)".utf8)) }
        }
        _ = try await f.store.enqueue((0..<4).map { f.job("m\($0)", kind: kind.name) })
        try await PoolTests().withPool(f, [kind]) { _ in
            try await eventually("all sent") { try await f.store.census(f.queue).succeeded == 4 }
        }
        let times = sent.withLock { $0 }
        #expect(times.count == 4)
        if times.count == 4 { #expect(times[2] - times[0] > .milliseconds(450)) }
        for number in 0..<4 {
            // No attempt was spent by waiting.
            #expect(try await f.store.job("m\(number)")?.result == Array("1".utf8))
        }
    }
}
