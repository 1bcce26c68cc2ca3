import Jobs
import JobsRedis
import Redis
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

    @Test func theNextSessionTakesBackAtOnceUncounted() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue((0..<4).map { f.job("j\($0)") })
        for number in 1...5 {
            let session = try await f.open(number, after: number == 1 ? nil : number - 1)
            let claims = try await f.take(session, 2, from: 1)
            #expect(claims.map(\.id) == ["j0", "j1"] && claims[0].attempt == 1)
        }
        #expect(try await f.client.send(RedisCommand("EXISTS", "paidan:{\(f.queue)}:crashes")).int == 0)
        try await f.expectBalance()
    }

    @Test func crashesLeadToSuspectAndPoison() async throws {
        let f = try await Fixture()
        try await f.waitForUptime()
        _ = try await f.store.enqueue([f.job("p")])
        for crash in 1...3 {
            let session = try await f.open(crash, lease: .milliseconds(1))
            let lane: Lane = crash == 3 ? .suspect : .ready
            let claims = try await f.take(session, 1, lane: lane, from: 1)
            #expect(claims.map(\.id) == ["p"], "crash \(crash)")
            #expect(claims.first?.attempt == 1)
            // The session stands in each queue; this one's may end last.
            try await eventually("lease ends") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.state("p") != .running
            }
            let census = try await f.store.census(f.queue)
            #expect(census.suspect == (crash == 2 ? 1 : 0) && census.difference == 0)
        }
        let job = try #require(try await f.store.job("p"))
        #expect(job.state == .dead && job.error?.code == "poison")
        #expect(try await f.client.send(RedisCommand("EXISTS", "paidan:{\(f.queue)}:crashes")).int == 0)
    }

    @Test func aCheckpointForgivesCrashes() async throws {
        let f = try await Fixture()
        try await f.waitForUptime()
        _ = try await f.store.enqueue([f.job("long")])
        for crash in 1...6 {
            let session = try await f.open(crash, lease: .milliseconds(20))
            #expect(try await f.take(session, 1, from: 1).count == 1)
            try await f.store.checkpoint(session: session, queue: f.queue, id: "long")
            try await eventually("reaped") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.state("long") != .running
            }
        }
        #expect(try await f.state("long") == .queued)
    }

    @Test func jobsOfARegisteredProcessGoBackUncounted() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("a")])
        for number in 1...4 {
            let session = try await f.open(number, lease: .milliseconds(30))
            #expect(try await f.take(session, 1, from: 1).count == 1)
            try await f.store.beat(session: session, lease: .milliseconds(30), worker: f.info)
            // Its registration lives on, as if it had opened another session.
            var register = RedisCommand("ZADD", "paidan:workers")
            register.append(9_999_999_999_999)
            register.append(f.process)
            _ = try await f.client.send(register)
            try await eventually("reaped") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.state("a") != .running
            }
        }
        #expect(try await f.state("a") == .queued)
        _ = try await f.client.send(RedisCommand("ZREM", "paidan:workers", f.process))
        try await f.expectBalance()
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

    @Test func releaseGivesBackInOrderToTheFront() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue((0..<5).map { f.job("j\($0)") })
        let session = try await f.open(1)
        _ = try await f.take(session, 3, from: 1)
        #expect(try await f.store.release(session: session) == 3)
        #expect(try await f.store.release(session: session) == 0)
        let next = try await f.open(2)
        let claims = try await f.take(next, 5, from: 1)
        #expect(claims.map(\.id) == (0..<5).map { "j\($0)" } && claims.allSatisfy { $0.attempt == 1 })
        try await f.expectBalance()
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

    @Test func workersRegister() async throws {
        let f = try await Fixture()
        let session = try await f.open(1)
        try await f.store.beat(session: session, lease: .seconds(15), worker: f.info)
        var registered = try #require(try await f.store.workers().first { $0.process == f.process })
        // By the server's clock, whatever this machine's says.
        let now = try #require(try await f.client.send(RedisCommand("TIME")).array?.first?.int)
        #expect(0...60 ~= now - registered.startedAt / 1000)
        registered.startedAt = f.info.startedAt
        #expect(registered == f.info)
        try await f.store.unregister(process: f.process)
        #expect(try await !f.store.workers().contains { $0.process == f.process })
    }

    @Test func progressIsWrittenForTheHolderOnly() async throws {
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("a")])
        let session = try await f.open(1)
        let claim = try await f.take(session, 1, from: 7)[0]
        try await f.store.progress(
            session: session, queue: f.queue, slot: claim.slot, id: "a", .init(done: 3, total: 9))
        #expect(try await f.store.job("a")?.progress == .init(done: 3, total: 9))
        try await f.store.progress(session: session, queue: f.queue, slot: 99, id: "a", .init(done: 8, total: 9))
        #expect(try await f.store.job("a")?.progress?.done == 3)
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
        let start = ContinuousClock.now
        _ = try await f.store.enqueue([f.job("a")])
        #expect(try await found)
        #expect(.now - start < .milliseconds(500))
        #expect(try await f.store.census(f.queue).waiting == 1)
    }
}
