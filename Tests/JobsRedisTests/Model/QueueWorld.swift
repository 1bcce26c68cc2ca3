import JobsRedis
import OwnerThread
import Redis
import Testing

@testable import Jobs

/// Where operations are carried out: a store with three workers, and what only a test may do to it.
struct QueueWorld: Sendable {
    let door: any JobDoor
    let upkeep: any JobStore
    /// Each with a connection of its own.
    let workers: [any JobStore]
    let queues: [String]
    /// Unique to this world.
    let process: String
    let takesForeignPushes: Bool
    /// A millisecond of the store's clock after all that was done before.
    let nextInstant: @Sendable () async throws -> Int
    let endLease: @Sendable (_ session: String, _ at: Int) async throws -> Void
    let makeDue: @Sendable (_ queue: Int, _ id: String, _ at: Int) async throws -> Void
    let push: @Sendable (_ queue: Int, _ json: String) async throws -> Void
    let loseConnection: @Sendable (_ worker: Int) async throws -> Void

    enum Store: CaseIterable, Sendable { case memory, redis }

    static func make(_ store: Store) async throws -> QueueWorld {
        switch store {
        case .memory: memory()
        case .redis: try await redis()
        }
    }

    private static func memory() -> QueueWorld {
        let clock = Lock(1_000_000)
        let queues = ["first", "second"]
        // One reading an operation: whatever an operation does has one time, as in Redis.
        let store = MemoryJobStore(queues: queues, now: { clock.withLock { $0 } })
        return QueueWorld(
            door: store, upkeep: store, workers: Array(repeating: store, count: Operation.workers), queues: queues,
            process: "p", takesForeignPushes: false,
            nextInstant: {
                clock.withLock { time in
                    time += 2
                    return time
                }
            },
            endLease: { session, at in
                for queue in queues {
                    try store.edit(queue) { queue, _ in
                        if queue.sessions[session] != nil { queue.sessions[session] = at }
                    }
                }
            },
            makeDue: { queue, id, at in
                try store.edit(queues[queue]) { queue, _ in if queue.delayed[id] != nil { queue.delayed[id] = at } }
            },
            push: { _, _ in }, loseConnection: { _ in })
    }

    /// - Parameter f: by default on the server that all tests share.
    static func redis(_ f: Fixture? = nil) async throws -> QueueWorld {
        let f = if let f { f } else { try await Fixture() }
        try await f.waitForUptime()
        let workers = (0..<Operation.workers).map { _ in Fixture(sharing: f) }
        let queues = [f.queue, f.second]
        return QueueWorld(
            door: f.store, upkeep: f.store, workers: workers.map(\.store), queues: queues, process: f.process,
            takesForeignPushes: true,
            nextInstant: {
                // The reaper is told leases of a millisecond here: every pause would look like a stall of Redis.
                for queue in queues {
                    let counters = "paidan:{\(queue)}:counters"
                    _ = try await f.client.send(RedisCommand("HDEL", counters, "beaten_at", "stalled_at"))
                }
                let last = try await time(f.client)
                while true {
                    let now = try await time(f.client)
                    if now > last + 1 { return now }
                }
            },
            endLease: { session, at in
                for queue in queues {
                    _ = try await f.client.send(
                        RedisCommand("ZADD", "paidan:{\(queue)}:sessions", "XX", String(at), session))
                }
            },
            makeDue: { queue, id, at in
                _ = try await f.client.send(
                    RedisCommand("ZADD", "paidan:{\(queues[queue])}:delayed", "XX", String(at), id))
            },
            push: { queue, json in
                _ = try await f.client.send(RedisCommand("LPUSH", "paidan:{\(queues[queue])}:ready", json))
            },
            loseConnection: { worker in
                let client = workers[worker].client
                let number = client.connectionNumber
                if number == 0 { return }
                client.reconnect()
                try await eventually("connected again") {
                    _ = try? await client.send(RedisCommand("PING"))
                    return client.connectionNumber > number
                }
            })
    }

    private static func time(_ client: RedisClient) async throws -> Int {
        let words = (try await client.send(RedisCommand("TIME")).array ?? []).compactMap {
            $0.string.flatMap { Int($0) }
        }
        return words.count == 2 ? words[0] * 1000 + words[1] / 1000 : 0
    }
}
