internal import Jobs
internal import OwnerThread
internal import Redis

extension RedisJobStore {
    func call(_ command: RedisCommand) async throws(StoreError) -> RedisReply {
        try await calls([command])[0]
    }

    /// Sends the calls together. Loads the library when the server does not know it (first start, `FUNCTION FLUSH`,
    /// another server) and asks again what it refused for that.
    ///
    /// - Parameters:
    ///   - client: `nil` is the one for all commands.
    ///   - together: what is asked again is asked with all the others, since they belong to it.
    /// - Throws: ``StoreError`` for the first of them that failed.
    func calls(
        _ commands: [RedisCommand], on client: RedisClient? = nil, together: Bool = false
    ) async throws(StoreError) -> [RedisReply] {
        if commands.isEmpty { return [] }
        let client = client ?? self.client
        let connection = client.connectionNumber
        var replies = try await send(commands, client)
        // More than once: somebody may flush the functions again in between.
        for _ in 0..<4 {
            let unknown = replies.indices.filter { replies[$0].isUnknownFunction }
            if unknown.isEmpty { break }
            try await load()
            let places = together ? Array(commands.indices) : unknown
            let again = try await send(places.map { commands[$0] }, client)
            for (index, reply) in zip(places, again) { replies[index] = reply }
        }
        for reply in replies {
            if case .error(let text) = reply { throw failure(text, client, connection) }
        }
        return replies
    }

    private func send(_ commands: [RedisCommand], _ client: RedisClient) async throws(StoreError) -> [RedisReply] {
        do {
            return try await client.pipeline(commands, deadline: deadline)
        } catch {
            throw StoreError(error)
        }
    }

    func load() async throws(StoreError) {
        do {
            _ = try await client.send(RedisCommand("FUNCTION", "LOAD", FunctionLibrary.code))
        } catch {
            // Another process was faster.
            guard error.code == .server, error.message.contains("already exists") else { throw StoreError(error) }
        }
        state.withLock { $0.isLoaded = true }
    }

    /// - Parameter connection: the one that was in use when the answer came.
    private func failure(_ text: String, _ client: RedisClient, _ connection: Int) -> StoreError {
        let word = text.prefix { $0 != " " }
        switch word {
        case "FENCED", "READONLY", "NOREPLICAS", "LOADING", "MASTERDOWN", "UNBLOCKED":
            client.reconnect(from: connection)
            return StoreError(.sessionLost, "Redis answered \(word): connecting again", mayHaveRun: false)
        case "OOM":
            return StoreError(
                .outOfMemory, "Redis is full (maxmemory): let workers drain it or give it more", mayHaveRun: false)
        case "MISCONF":
            return StoreError(
                .unavailable, "Redis cannot write its files (MISCONF): is its disk full?", mayHaveRun: false)
        case "BUSY", "CLUSTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS", "NOPERM":
            return StoreError(.unavailable, "Redis answered \(word)", mayHaveRun: false)
        default:
            return StoreError(.refused, "Redis answered \(text.prefix(160))", mayHaveRun: true)
        }
    }
}

extension StoreError {
    init(_ error: RedisError) {
        switch error.code {
        case .cancelled: self.init(.cancelled, error.message, mayHaveRun: error.mayHaveRun)
        case .connect:
            self.init(
                .unavailable, "\(error.message); is Redis running, and is redis.url right?",
                mayHaveRun: error.mayHaveRun)
        case .server where error.prefix == "OOM":
            self.init(.outOfMemory, "Redis is full (maxmemory)", mayHaveRun: false)
        default: self.init(.unavailable, error.message, mayHaveRun: error.mayHaveRun)
        }
    }
}

extension RedisReply {
    fileprivate var isUnknownFunction: Bool {
        if case .error(let text) = self { return text.hasPrefix("ERR Function not found") }
        return false
    }
}
