public import Jobs
internal import OwnerThread
public import Redis

/// The queue in Redis: a function library, one function a state change, called over one connection.
///
/// Each queue's peek has a connection of its own, made when it is first needed.
public final class RedisJobStore: JobStore {
    struct State {
        /// Connection on which the session of this name was opened.
        var session = ""
        var connection = 0
        var peekers: [String: RedisClient] = [:]
    }

    let client: RedisClient
    let configuration: RedisConfiguration
    let queueNames: [String]
    /// Replicas that must have an enqueue before it is answered; 0 for none.
    let waitReplicas: Int
    /// Of each call; `nil` is the client's.
    let deadline: Duration?
    let state = Lock(State())
    private let heads: [String: [FunctionLibrary.Name: RedisCommand]]

    /// - Parameters:
    ///   - client: for all commands that do not block; shared with others at will.
    ///   - configuration: the same server, for the peeks.
    ///   - queues: all queues there are, each `[a-z0-9_-]{1,32}` and not `assign`.
    ///   - deadline: of each call; `nil` is the client's.
    public init(
        client: RedisClient, configuration: RedisConfiguration, queues: [String], waitReplicas: Int = 0,
        deadline: Duration? = nil
    ) {
        for queue in queues { precondition(QueueName.isValid(queue), "queue name \(queue) is not [a-z0-9_-]{1,32}") }
        self.client = client
        self.configuration = configuration
        self.queueNames = queues
        self.waitReplicas = waitReplicas
        self.deadline = deadline
        heads = Dictionary(uniqueKeysWithValues: queues.map { ($0, Self.heads(Keys(queue: $0))) })
    }

    /// Ends the peeks' connections. The client given at the start stays open.
    public func close() {
        let peekers = state.withLock { state in
            defer { state.peekers = [:] }
            return state.peekers
        }
        for peeker in peekers.values { peeker.close() }
    }

    /// `FCALL name 9 keys…`, made once: they are most of the bytes of a small call.
    private static func heads(_ keys: Keys) -> [FunctionLibrary.Name: RedisCommand] {
        Dictionary(
            uniqueKeysWithValues: FunctionLibrary.Name.allCases.map { name in
                (name, command(name, keys: name == .reap ? keys.declared + [Keys.workers] : keys.declared))
            })
    }

    static func command(_ function: FunctionLibrary.Name, keys: [String]) -> RedisCommand {
        var command = RedisCommand("FCALL", FunctionLibrary.name(function))
        command.append(keys.count)
        for key in keys { command.append(key) }
        return command
    }

    func command(
        _ function: FunctionLibrary.Name, _ queue: String, _ arguments: String...
    ) throws(StoreError) -> RedisCommand {
        guard var command = heads[queue]?[function] else {
            throw StoreError(.refused, "there is no queue \(queue.prefix(40)) in jobs.conf", mayHaveRun: false)
        }
        for argument in arguments { command.append(argument) }
        return command
    }
}
