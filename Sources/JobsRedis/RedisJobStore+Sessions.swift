internal import FoundationEssentials
public import Jobs
internal import OwnerThread
internal import Redis

extension RedisJobStore {
    public func open(session: String, lease: Duration, predecessor: String?) async throws(StoreError) {
        let connection = client.connectionNumber
        let queues = allQueueNames
        var commands: [RedisCommand] = []
        for queue in queues {
            commands.append(try command(.open, queue, session, String(lease.milliseconds), predecessor ?? ""))
        }
        let replies = try await calls(commands + [RedisCommand("TIME")])
        keep(time: replies.last)
        // The first command makes the first connection.
        let now = client.connectionNumber
        guard connection == 0 || connection == now else {
            throw StoreError(.unavailable, "the connection was lost while the session opened", mayHaveRun: true)
        }
        state.withLock {
            $0.session = session
            $0.connection = now
            $0.opened = Set(queues)
        }
    }

    public func extend(session: String, lease: Duration) async throws(StoreError) {
        try checkConnection(of: session)
        let missing = state.withLock { state in
            state.session == session ? state.queues.filter { !state.opened.contains($0) } : []
        }
        var commands: [RedisCommand] = []
        for queue in missing { commands.append(try command(.open, queue, session, String(lease.milliseconds), "")) }
        _ = try await calls(commands)
        state.withLock { state in
            if state.session == session { state.opened.formUnion(missing) }
        }
    }

    public func beat(session: String, lease: Duration, worker: WorkerInfo) async throws(StoreError) {
        try checkConnection(of: session)
        var worker = worker
        // This machine's clock may be minutes off.
        worker.startedAt = state.withLock { $0.madeAt } ?? worker.startedAt
        // The registration is never longer than the lease: a killed process counts as gone when its lease ends.
        var register = Self.command(.register, keys: [Keys.workers, Keys.workersInfo])
        register.append(worker.process)
        register.append(lease.milliseconds)
        register.append(Self.encode(worker))
        var commands = [register]
        for queue in queues(of: session) {
            commands.append(try command(.beat, queue, session, String(lease.milliseconds)))
        }
        _ = try await calls(commands)
    }

    public func cancellations(session: String) async throws(StoreError) -> [Cancellation] {
        let queues = queues(of: session)
        var commands: [RedisCommand] = []
        for queue in queues { commands.append(try command(.cancellations, queue, session)) }
        return zip(queues, try await calls(commands)).flatMap { queue, reply in
            (reply.array ?? []).compactMap { entry in
                let words = (entry.string ?? "").split(separator: " ", maxSplits: 1)
                guard words.count == 2, let slot = Int(words[0]) else { return nil }
                return Cancellation(queue: queue, slot: slot, id: String(words[1]))
            }
        }
    }

    public func release(session: String) async throws(StoreError) -> Int {
        var commands: [RedisCommand] = []
        for queue in queues(of: session) { commands.append(try command(.release, queue, session)) }
        return try await calls(commands).reduce(0) { $0 + ($1.int ?? 0) }
    }

    public func unregister(process: String) async throws(StoreError) {
        var command = Self.command(.unregister, keys: [Keys.workers, Keys.workersInfo])
        command.append(process)
        _ = try await call(command)
    }

    public func workers() async throws(StoreError) -> [WorkerInfo] {
        let reply = try await call(Self.command(.workers, keys: [Keys.workers, Keys.workersInfo]))
        return (reply.array ?? []).compactMap { info in
            guard case .bytes(let bytes) = info else { return nil }
            // Another release may say other things about itself.
            return try? JSONDecoder().decode(WorkerInfo.self, from: Data(bytes))
        }
    }

    private static func encode(_ worker: WorkerInfo) -> [UInt8] {
        (try? JSONEncoder().encode(worker)).map { [UInt8]($0) } ?? []
    }

    public func progress(
        session: String, queue: String, slot: Int, id: String, _ progress: JobView.Progress
    ) async throws(StoreError) {
        _ = try await call(
            try command(
                .progress, queue, session, String(slot), id, String(progress.done), String(progress.total)))
    }

    public func checkpoint(session: String, queue: String, id: String) async throws(StoreError) {
        _ = try await call(try command(.checkpoint, queue, session, id))
    }

    public func peek(queue: String, timeout: Duration) async throws(StoreError) -> Bool {
        let ready = Keys(queue: queue).ready
        let peeker = state.withLock { state in
            if let known = state.peekers[queue] { return known }
            let client = RedisClient(configuration, name: "peek-" + queue)
            state.peekers[queue] = client
            return client
        }
        let seconds = Double(timeout.milliseconds) / 1000
        do {
            // A peek: the list stays as it is. Parking a job elsewhere would strand it when this process freezes.
            let command = RedisCommand("BLMOVE", ready, ready, "RIGHT", "RIGHT", String(seconds))
            return try await peeker.send(command, deadline: timeout + .seconds(2)) != .null
        } catch {
            // Silent beyond its time, or on the way to another server: the next peek shall have a new connection.
            if error.code == .timedOut || error.code == .server && error.prefix != "OOM" { peeker.reconnect() }
            throw StoreError(error)
        }
    }
}
