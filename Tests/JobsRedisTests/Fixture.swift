import Jobs
import JobsRedis
import Logging
import Redis
import Synchronization
import TestSupport
import Testing

/// A store over queues of its own on the shared private server.
struct Fixture {
    let client: RedisClient
    let store: RedisJobStore
    let queue: String
    let second: String
    let process: String

    private static let counter = Atomic<Int>(0)

    init() async throws {
        try await self.init(socket: PrivateServers.redis.value)
    }

    init(socket: String) async throws {
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        queue = "q\(number)"
        second = "second\(number)"
        process = "process\(number)"
        let configuration = RedisConfiguration(address: .unix(path: socket))
        client = RedisClient(configuration, name: "test")
        store = RedisJobStore(client: client, configuration: configuration, queues: [queue, second])
    }

    var info: WorkerInfo {
        WorkerInfo(process: process, host: "h", pid: 1, version: "1", startedAt: 0)
    }

    func job(_ id: String, _ args: String = "{}", kind: String = "noop") -> NewJob {
        NewJob(id: id, kind: kind, args: Array(args.utf8), queue: queue)
    }

    func open(_ number: Int, after: Int? = nil, lease: Duration = .seconds(15)) async throws -> String {
        let name = "\(process).\(number)"
        try await store.open(session: name, lease: lease, predecessor: after.map { "\(process).\($0)" })
        return name
    }

    func take(
        _ session: String, _ count: Int, lane: Lane = .ready, from slot: Int, settle: [Settlement] = []
    ) async throws -> [Claim] {
        try await store.exchange(
            Exchange(queue: queue, session: session, lane: lane, settlements: settle, take: count, firstSlot: slot)
        ).claims
    }

    func state(_ id: String) async throws -> JobState? { try await store.job(id)?.state }

    /// Crashes count only once the server has been up for a lease, and it counts its time in whole seconds.
    func waitForUptime() async throws {
        try await eventually("the server is a second old") {
            let info = try await client.send(RedisCommand("INFO", "server")).string ?? ""
            return !info.contains("uptime_in_seconds:0\r")
        }
    }

    func push(_ text: String) async throws {
        _ = try await client.send(RedisCommand("LPUSH", "paidan:{\(queue)}:ready", text))
    }

    func expectBalance(_ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) async throws {
        let census = try await store.census(queue)
        #expect(census.difference == 0, "\(census)", sourceLocation: location)
    }
}

func eventually(
    _ what: Comment, within limit: Duration = .seconds(10), at location: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("did not happen in time: \(what)", sourceLocation: location)
}
