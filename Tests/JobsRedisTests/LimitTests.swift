import Jobs
import JobsRedis
import Logging
import OwnerThread
import Redis
import ServiceLifecycle
import TestSupport
import Testing

/// Limits of kinds in Redis: what wakes whom, what is left behind, and the pool over them.
@Suite struct LimitTests {
    let done = LimitContractTests.done

    func left(_ f: Fixture, _ kind: String) async throws -> [Int?] {
        [
            try await f.client.send(RedisCommand("HGET", "paidan:running", kind)).int ?? 0,
            try await f.client.send(RedisCommand("EXISTS", "paidan:parked:\(kind)")).int,
            try await f.client.send(RedisCommand("EXISTS", "paidan:{\(f.queue)}:parked")).int,
            try await f.client.send(RedisCommand("EXISTS", "paidan:{\(f.second)}:parked")).int,
        ]
    }

    @Test func thePeekSleepsUntilThereIsRoom() async throws {
        let b = try await LimitContractTests.Bench(.redis)
        defer { b.f.store.close() }
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.open(1)
        try await b.add(["a", "b", "c"])
        try await b.add(["s"], second: true)
        var claim = try #require(try await b.take(9).first)
        #expect(try await b.take(9, second: true).isEmpty)
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .milliseconds(50)) == false)
        #expect(try await b.store.peek(queue: b.f.second, timeout: .milliseconds(50)) == false)
        // An end in one queue wakes both; who comes first has it, the other sleeps again.
        _ = try await b.take(0, settle: [(claim, done)])
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .seconds(5)))
        #expect(try await b.store.peek(queue: b.f.second, timeout: .seconds(5)))
        var claims: [Claim] = []
        for _ in 0..<3 where claims.isEmpty { claims = try await b.take(9) }
        claim = try #require(claims.first)
        #expect(claim.id == "b")
        #expect(try await b.take(9, second: true).isEmpty)
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .milliseconds(50)) == false)
        #expect(try await b.store.peek(queue: b.f.second, timeout: .milliseconds(50)) == false)
        // So does a cancellation, a higher limit, and the end of a pause.
        #expect(try await b.store.cancel(claim.id) == .changed)
        #expect(try await b.store.peek(queue: b.f.second, timeout: .seconds(5)))
        for _ in 0..<3 where claims.first?.id != "s" { claims = try await b.take(9, second: true) }
        #expect(claims.map(\.id) == ["s"])
        #expect(try await b.take(9).isEmpty)
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .milliseconds(50)) == false)
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 2)])
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .seconds(5)))
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        #expect(try await b.take(9).isEmpty)
        try await b.store.pause(b.f.queue)
        _ = try await b.take(0, settle: claims.map { ($0, done) }, second: true)
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .milliseconds(50)) == false)
        try await b.store.resume(b.f.queue)
        #expect(try await b.store.peek(queue: b.f.queue, timeout: .seconds(5)))
        claims = try await b.take(9)
        #expect(claims.map(\.id) == ["c"])
        _ = try await b.take(0, settle: claims.map { ($0, done) })
        #expect(try await left(b.f, b.kind) == [0, 0, 0, 0])
        try await b.balance()
    }

    @Test func thousandsOverTheLimitArePassedOnce() async throws {
        let b = try await LimitContractTests.Bench(.redis)
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.open(1)
        try await b.add((0..<10_000).map { "a\($0)" })
        try await b.add(["behind"], kind: "other")
        var (calls, found) = (0, [String]())
        while !found.contains("behind"), calls < 1000 {
            calls += 1
            found += try await b.take(1).map(\.id)
        }
        // About 512 are set aside in one call.
        #expect(found == ["a0", "behind"] && calls <= 2 + 10_000 / 512)
        #expect(try await b.f.client.send(RedisCommand("LLEN", "paidan:{\(b.f.queue)}:ready")).int == 0)
        #expect(try await b.store.census(b.f.queue).waiting == 9999)
        try await b.balance()
    }

    @Test func aPushOfAnotherProgramWaitsToo() async throws {
        let b = try await LimitContractTests.Bench(.redis)
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.open(1)
        for id in ["p1", "p2"] { try await b.f.push(#"{"kind":"\#(b.kind)","id":"\#(id)"}"#) }
        let claims = try await b.take(9)
        #expect(claims.map(\.id) == ["p1"])
        let census = try await b.store.census(b.f.queue)
        #expect(census.waiting == 1 && census.foreign == 0 && census.enqueued == 2)
        #expect(try await b.take(9, settle: [(claims[0], done)]).map(\.id) == ["p2"])
        try await b.balance()
    }

    @Test func whatAnotherReleaseTookBackIsForgotten() async throws {
        let b = try await LimitContractTests.Bench(.redis)
        let limit = [KindLimit(kind: b.kind, concurrency: 1)]
        try await b.store.limit(limit)
        try await b.open(1)
        try await b.add(["a", "b"])
        let claim = try #require(try await b.take(1).first)
        // As a release that does not count gives it back.
        let base = "paidan:{\(b.f.queue)}:"
        _ = try await b.f.client.pipeline([
            RedisCommand("HDEL", base + "inflight:" + b.name(1), "\(claim.slot)"),
            RedisCommand("HSET", base + "job:a", "state", "queued"), RedisCommand("RPUSH", base + "ready", "a"),
            RedisCommand("HINCRBY", base + "counters", "waiting", "1"),
        ])
        // Said by each session that opens, also of other tests.
        try await b.store.limit(limit)
        #expect(try await b.take(5).map(\.id) == ["a"])
        #expect(try await left(b.f, b.kind)[0] == 1)
        try await b.balance()
    }

    @Test func twoProcessesTogetherKeepTheLimit() async throws {
        let f = try await Fixture()
        let (now, most, ran) = (Lock(0), Lock(0), Lock(0))
        var kind = Kind.raw("pool.\(f.queue)", size: 4, queue: f.queue) { claims, _ in
            let count = now.withLock { count in
                count += claims.count
                return count
            }
            most.withLock { $0 = max($0, count) }
            ran.withLock { $0 += claims.count }
            try await Task.sleep(for: .milliseconds(5))
            now.withLock { $0 -= claims.count }
            return claims.map { _ in .done() }
        }
        kind.concurrency = 3
        _ = try await f.store.enqueue((0..<60).map { f.job("a\($0)", kind: kind.name) })
        _ = try await f.store.enqueue(
            (0..<60).map { NewJob(id: "b\($0)", kind: kind.name, queue: f.second) } + [f.job("free")])
        // The same queues, another process with a connection of its own.
        let socket = try await PrivateServers.redis.value
        let configuration = RedisConfiguration(address: .unix(path: socket))
        let client = RedisClient(configuration, name: "twin")
        let twin = RedisJobStore(client: client, configuration: configuration, queues: [f.queue, f.second])
        defer { client.close() }
        defer { twin.close() }
        let store = CountingStore(twin)
        try await PoolTests().withPool(f, store: store, process: f.process + "twin", [kind, .noop()]) { _ in
            try await PoolTests().withPool(f, [kind, .noop()]) { _ in
                try await eventually("not held up") { try await f.state("free") == .succeeded }
                try await eventually("all done", within: .seconds(20)) {
                    let done = try await (f.store.census(f.queue).succeeded, f.store.census(f.second).succeeded)
                    return done == (61, 60)
                }
                try await eventually("acknowledged") { try await self.left(f, kind.name)[0] == 0 }
            }
        }
        #expect(most.withLock { $0 } == 3)
        #expect(ran.withLock { $0 } == 120)
        #expect(try await left(f, kind.name) == [0, 0, 0, 0])
        // An exchange or two a job, not a spin.
        #expect(store[.exchange] < 800, "\(store[.exchange])")
        try await f.expectBalance()
    }

    @Test func aFlushedServerStartsFromNothingAndKeepsTheLimit() async throws {
        let server = try await PrivateRedis.start()
        let f = try await Fixture(socket: server.socket)
        let (now, most) = (Lock(0), Lock(0))
        var kind = Kind.raw("k", size: 1, queue: f.queue) { claims, _ in
            let count = now.withLock { count in
                count += 1
                return count
            }
            defer { now.withLock { $0 -= 1 } }
            most.withLock { $0 = max($0, count) }
            try await Task.sleep(for: .milliseconds(30))
            return claims.map { _ in .done() }
        }
        kind.concurrency = 2
        try await PoolTests().withPool(f, [kind]) { _ in
            _ = try await f.store.enqueue((0..<4).map { f.job("lost\($0)", kind: "k") })
            try await eventually("two run") { now.withLock { $0 } == 2 }
            _ = try await f.client.send(RedisCommand("FLUSHALL"))
            _ = try await f.store.enqueue((0..<8).map { f.job("kept\($0)", kind: "k") })
            try await eventually("all done") { try await f.store.census(f.queue).succeeded == 8 }
            #expect(try await f.client.send(RedisCommand("EXISTS", "paidan:counted")).int == 0)
        }
        // What ran when it was flushed may still end beside the first new ones.
        #expect(most.withLock { $0 } <= 4)
        #expect(try await left(f, "k") == [0, 0, 0, 0])
        try await f.expectBalance()
        server.stop()
    }
}
