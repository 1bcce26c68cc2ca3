import Jobs
import JobsRedis
import Redis
import Testing

/// A Redis that was frozen finds every lease ended: the processes live all the same.
@Suite struct StallTests {
    /// A job in flight of a session whose lease has ended, and the last sign of life of any worker long ago.
    private func stalled(_ f: Fixture, notedAt: String?) async throws {
        try await f.waitForUptime()
        _ = try await f.store.enqueue([f.job("a")])
        let session = try await f.open(1, lease: .milliseconds(1))
        #expect(try await f.take(session, 1, from: 1).count == 1)
        let counters = "paidan:{\(f.queue)}:counters"
        _ = try await f.client.send(RedisCommand("HSET", counters, "beaten_at", "1000"))
        if let notedAt { _ = try await f.client.send(RedisCommand("HSET", counters, "stalled_at", notedAt)) }
    }

    private func crashes(_ f: Fixture) async throws -> Int? {
        try await f.client.send(RedisCommand("HGET", "paidan:{\(f.queue)}:crashes", "a")).int
    }

    @Test func whoComesBackTakesItsJobsUncounted() async throws {
        let f = try await Fixture()
        try await stalled(f, notedAt: nil)
        for _ in 0..<3 {
            _ = try await f.store.reap(lease: .milliseconds(1))
            #expect(try await f.state("a") == .running)
        }
        _ = try await f.open(2, after: 1)
        #expect(try await f.state("a") == .queued)
        #expect(try await crashes(f) == nil)
        try await f.expectBalance()
    }

    @Test func whoDoesNotComeBackHasCrashed() async throws {
        let f = try await Fixture()
        // The stall was noted long ago: the time to come back is over.
        try await stalled(f, notedAt: "2000")
        try await eventually("its lease of a millisecond has ended") {
            _ = try await f.store.reap(lease: .milliseconds(1))
            return try await f.state("a") == .queued
        }
        #expect(try await crashes(f) == 1)
        try await f.expectBalance()
    }
}
