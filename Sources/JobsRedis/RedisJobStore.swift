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
        /// When this store was made, in milliseconds since 1970 of the server's clock.
        var madeAt: Int?
        /// Queues that this session covers.
        var opened: Set<String> = []
        /// Queues there are, in the order in which they were named.
        var queues: [String] = []
        /// Also of queues there were: what is in flight there is settled.
        var heads: [String: [FunctionLibrary.Name: RedisCommand]] = [:]
        var peekers: [String: RedisClient] = [:]
        /// The server has had the function library once.
        var isLoaded = false
    }

    let client: RedisClient
    let configuration: RedisConfiguration
    /// Replicas that must have an enqueue before it is answered; 0 for none.
    let waitReplicas: Int
    /// For enqueues that wait for replicas; `nil` without.
    let replicated: RedisClient?
    let enqueued = EnqueueCounters()
    /// Of each call; `nil` is the client's.
    let deadline: Duration?
    let state = Lock(State())
    private let made = ContinuousClock.now

    /// - Parameters:
    ///   - client: for all commands that do not block; shared with others at will.
    ///   - configuration: the same server, for the peeks.
    ///   - queues: all queues there are, each `[a-z0-9_-]{1,32}` and not `assign`.
    ///   - deadline: of each call; `nil` is the client's.
    public init(
        client: RedisClient, configuration: RedisConfiguration, queues: [String], waitReplicas: Int = 0,
        deadline: Duration? = nil
    ) {
        self.client = client
        self.configuration = configuration
        self.waitReplicas = waitReplicas
        self.deadline = deadline
        replicated = waitReplicas > 0 ? RedisClient(configuration, name: "enqueue") : nil
        set(queues: queues)
    }

    /// All queues there are from now on. Sessions go on in those that are no longer among them.
    public func set(queues: [String]) {
        for queue in queues { precondition(QueueName.isValid(queue), "queue name \(queue) is not [a-z0-9_-]{1,32}") }
        state.withLock { state in
            state.queues = queues
            for queue in queues where state.heads[queue] == nil { state.heads[queue] = Self.heads(Keys(queue: queue)) }
        }
    }

    var queueNames: [String] { state.withLock { $0.queues } }

    /// Queues of a session: all that there were, if it is not the one that this store opened last.
    func queues(of session: String) -> [String] {
        state.withLock { $0.session == session ? $0.opened.sorted() : $0.heads.keys.sorted() }
    }

    /// Also those that are no longer named.
    var allQueueNames: [String] { state.withLock { $0.heads.keys.sorted() } }

    /// Takes note of the server's time.
    func keep(time reply: RedisReply?) {
        guard let words = reply?.array, words.count == 2, let seconds = words[0].int, let micros = words[1].int else {
            return
        }
        let age = Int((ContinuousClock.now - made) / .milliseconds(1))
        state.withLock { $0.madeAt = $0.madeAt ?? seconds * 1000 + micros / 1000 - age }
    }

    /// Ends the connections of its own. The client given at the start stays open.
    public func close() {
        let peekers = state.withLock { state in
            defer { state.peekers = [:] }
            return state.peekers
        }
        for peeker in peekers.values { peeker.close() }
        replicated?.close()
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
        guard var command = state.withLock({ $0.heads[queue]?[function] }) else {
            throw StoreError(.refused, "there is no queue \(queue.prefix(40)) in jobs.conf", mayHaveRun: false)
        }
        for argument in arguments { command.append(argument) }
        return command
    }
}
