import Jobs
import JobsRedis
import Redis
import TestSupport
import Testing

/// Trouble of the server itself; each test has one of its own.
@Suite struct FaultTests {
    @Test func redisRestartsInTheMiddle() async throws {
        let server = try await PrivateRedis.start(["--appendonly", "yes", "--appendfsync", "always"])
        let f = try await Fixture(socket: server.socket)
        _ = try await f.store.enqueue((0..<300).map { f.job("j\($0)", #"{"sleep_ms":10}"#) })
        try await PoolTests().withPool(f, [.noop()]) { _ in
            for goal in [50, 150] {
                try await eventually("some are done") { try await f.store.census(f.queue).succeeded >= goal }
                server.stop()
                try await server.start()
            }
            try await eventually("all done", within: .seconds(20)) {
                (try? await f.store.census(f.queue).succeeded) == 300
            }
        }
        try await f.expectBalance()
        // A lost connection is not a crash.
        #expect(try await f.client.send(RedisCommand("EXISTS", "paidan:{\(f.queue)}:crashes")).int == 0)
        #expect(try await f.store.census(f.queue).dead == 0)
        server.stop()
    }

    @Test func aFullServerTakesInNothingButDrains() async throws {
        let server = try await PrivateRedis.start(["--maxmemory-policy", "noeviction"])
        let f = try await Fixture(socket: server.socket)
        _ = try await f.store.enqueue((0..<100).map { f.job("j\($0)") })
        _ = try await f.client.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
        let error = await #expect(throws: StoreError.self) { try await f.store.enqueue([f.job("one more")]) }
        #expect(error?.code == .refused)
        let full = await #expect(throws: StoreError.self) { try await f.store.enqueue([f.job("onemore")]) }
        #expect(full?.code == .outOfMemory && full?.isInfrastructure == true)
        try await PoolTests().withPool(f, [.noop()]) { _ in
            try await eventually("drained") { try await f.store.census(f.queue).succeeded == 100 }
        }
        try await f.expectBalance()
        server.stop()
    }

    @Test func aFlushedServerFencesAndThePoolGoesOn() async throws {
        let server = try await PrivateRedis.start()
        let f = try await Fixture(socket: server.socket)
        try await PoolTests().withPool(f, [.noop()]) { _ in
            _ = try await f.store.enqueue([f.job("a")])
            try await eventually("done") { try await f.state("a") == .succeeded }
            server.stop()
            try await server.start()
            try await eventually("enqueued on the empty server") {
                (try? await f.store.enqueue([f.job("b")])) != nil
            }
            try await eventually("done") { (try? await f.state("b")) == .succeeded }
        }
        server.stop()
    }
}
