import Jobs
import JobsRedis
import Logging
import Redis
import Synchronization
import TestSupport
import Testing

/// A store over queues of its own on the shared private server.
struct Fixture: TestedStore {
    let client: RedisClient
    let store: RedisJobStore
    let queue: String
    let second: String
    let process: String
    private let socket: String

    private static let counter = Atomic<Int>(0)

    init() async throws {
        try await self.init(socket: PrivateServers.redis.value)
    }

    init(socket: String) async throws {
        let number = Self.counter.add(1, ordering: .relaxed).newValue
        queue = "q\(number)"
        second = "second\(number)"
        process = "process\(number)"
        self.socket = socket
        let configuration = RedisConfiguration(address: .unix(path: socket))
        client = RedisClient(configuration, name: "test")
        store = RedisJobStore(client: client, configuration: configuration, queues: [queue, second])
    }

    /// The same queues over another connection.
    init(sharing other: Fixture) {
        (queue, second, process, socket) = (other.queue, other.second, other.process, other.socket)
        let configuration = RedisConfiguration(address: .unix(path: socket))
        client = RedisClient(configuration, name: "test")
        store = RedisJobStore(client: client, configuration: configuration, queues: [queue, second])
    }

    /// Crashes count only once the server has been up for a lease, and it counts its time in whole seconds.
    func waitForUptime() async throws {
        try await eventually("the server is a second old") {
            let info = try await client.send(RedisCommand("INFO", "server")).string ?? ""
            return !info.contains("uptime_in_seconds:0\r\n")
        }
    }

    func push(_ text: String) async throws {
        _ = try await client.send(RedisCommand("LPUSH", "paidan:{\(queue)}:ready", text))
    }
}

func eventually(
    _ what: Comment, within limit: Duration = .seconds(10), at location: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit * BuildPace.slowness
    while ContinuousClock.now < end {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("did not happen in time: \(what)", sourceLocation: location)
}
