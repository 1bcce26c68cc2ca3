internal import OwnerThread

/// One connection to Redis and the thread that owns it; any number of tasks may use it at once.
///
/// Commands of many tasks go out together and their replies are awaited together. While the server is away commands
/// wait until their own deadline; the client connects again by itself. Blocking commands (BLMOVE …) hold up whatever
/// is sent after them: give them a client of their own and a deadline longer than their timeout. MULTI … EXEC goes into
/// one pipeline; SUBSCRIBE, MONITOR, CLIENT REPLY and HELLO, which change what is answered, are not for this client.
public final class RedisClient: Sendable {
    private let configuration: RedisConfiguration
    private let shared: Shared

    /// Starts the thread, which connects at once.
    ///
    /// - Parameter name: of the thread and, as `CLIENT SETNAME`, of the connection.
    public init(_ configuration: RedisConfiguration, name: String) {
        self.configuration = configuration
        let shared = Shared(limit: configuration.inboxLimit)
        self.shared = shared
        startThread(named: name) {
            var owner = Owner(configuration, name: name, shared: shared)
            owner.run()
        }
    }

    deinit { shared.inbox.close() }

    /// Sends one command and waits for its reply.
    ///
    /// - Parameter deadline: from now, waiting included; `nil` is the configuration's.
    /// - Throws: ``RedisError``, also for a server error reply.
    public func send(_ command: RedisCommand, deadline: Duration? = nil) async throws(RedisError) -> RedisReply {
        try await run(.one(command), deadline)
    }

    /// Sends the commands one after the other, nothing in between, and waits for all replies.
    ///
    /// - Returns: one reply a command, in their order; a server error reply stays in its place as `.error`.
    public func pipeline(
        _ commands: [RedisCommand], deadline: Duration? = nil
    ) async throws(RedisError) -> [RedisReply] {
        if commands.isEmpty { return [] }
        return try await run(.several(commands), deadline).array ?? []
    }

    /// Grows by 1 with each connection that is made; 0 before the first.
    public var connectionNumber: Int { shared.state.withLock { $0.connectionNumber } }

    /// Drops the connection and makes a new one. Replies that are due fail as "may have run".
    ///
    /// - Parameter number: only if this is still the ``connectionNumber``, so that many tasks that met the same error
    ///   drop one connection only; `nil` is whichever there is.
    public func reconnect(from number: Int? = nil) {
        let wanted = shared.state.withLock { state in
            if let number, number != state.connectionNumber { return false }
            state.drop = state.connectionNumber
            return true
        }
        if wanted { shared.wakeup.signal() }
    }

    public var statistics: RedisStatistics {
        var statistics = shared.state.withLock { $0.statistics }
        statistics.depth = shared.inbox.depth
        return statistics
    }

    /// Closes the connection; what waits and what comes later fails with `.closed`.
    public func close() { shared.inbox.close() }

    private func run(
        _ commands: RedisOperation.Commands, _ deadline: Duration?
    ) async throws(RedisError) -> RedisReply {
        let operation = RedisOperation(commands, deadline: .now + (deadline ?? configuration.commandDeadline))
        precondition(operation.isComplete, "a command without a name: Redis would not answer it")
        if Task.isCancelled { throw RedisError(.cancelled, "the task was cancelled", mayHaveRun: false) }
        let shared = shared
        switch shared.inbox.put(operation) {
        case .accepted:
            break
        case .full:
            shared.count(\.refused)
            throw RedisError(
                .full, "\(configuration.inboxLimit) operations wait already: is Redis slow or away?", mayHaveRun: false)
        case .closed:
            throw RedisError(.closed, "the client is closed", mayHaveRun: false)
        }
        return try await operation.pending.value { started in
            if !started { shared.sweepSoon() }
            return RedisError(.cancelled, "the task was cancelled", mayHaveRun: started)
        }
    }
}
