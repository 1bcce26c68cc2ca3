import Jobs
import JobsRedis
import Redis
import TestSupport
import Testing

@Suite struct SessionTests {
    @Test func aGoneSessionIsFenced() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("a")])
        let old = try await f.open(1)
        let claims = try await f.take(old, 1, from: 1)
        // Another process took the session away.
        _ = try await f.client.send(RedisCommand("ZREM", "paidan:{\(f.queue)}:sessions", old))
        for attempt in 0..<2 {
            let error = await #expect(throws: StoreError.self, "attempt \(attempt)") {
                try await f.take(
                    old, 1, from: 5, settle: [Settlement(claims[0], .done(result: nil, code: nil, message: ""))])
            }
            #expect(error?.code == .sessionLost)
        }
        await #expect(throws: StoreError.self) {
            try await f.store.beat(session: old, lease: .seconds(5), worker: f.info)
        }
        #expect(try await f.state("a") == .running)
    }

    @Test func crashesWhileRedisIsYoungerThanALeaseDoNotCount() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("a")])
        for number in 1...4 {
            let session = try await f.open(number, lease: .milliseconds(1))
            #expect(try await f.take(session, 1, from: 1).count == 1)
            // Nobody's lease can have ended by itself in a server that has been up for less than one.
            try await eventually("reaped") {
                _ = try await f.store.reap(lease: .seconds(1_000_000))
                return try await f.state("a") != .running
            }
        }
        #expect(try await f.state("a") == .queued)
    }

    @Test func aNewConnectionEndsTheSession() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("a")])
        let session = try await f.open(1)
        let number = f.client.connectionNumber
        f.client.reconnect()
        try await eventually("connected again") {
            _ = try? await f.client.send(RedisCommand("PING"))
            return f.client.connectionNumber > number
        }
        let error = await #expect(throws: StoreError.self) { try await f.take(session, 1, from: 1) }
        #expect(error?.code == .sessionLost)
        let next = try await f.open(2, after: 1)
        #expect(try await f.take(next, 1, from: 1).count == 1)
    }

    @Test func thePeekWakesWithinMilliseconds() async throws {
        let f = try await Fixture()
        defer { f.store.close() }
        #expect(try await f.store.peek(queue: f.queue, timeout: .milliseconds(50)) == false)
        async let found = f.store.peek(queue: f.queue, timeout: .seconds(5))
        try await eventually("the peek blocks") {
            let list = try await f.client.send(RedisCommand("CLIENT", "LIST")).string ?? ""
            return list.split(separator: "\n").contains {
                $0.contains("name=peek-\(f.queue) ") && $0.contains("flags=b")
            }
        }
        let watch = Stopwatch()
        _ = try await f.store.enqueue([f.job("a")])
        #expect(try await found)
        #expect(watch.granted < .milliseconds(500 * BuildPace.slowness))
        #expect(try await f.store.census(f.queue).waiting == 1)
    }
}
