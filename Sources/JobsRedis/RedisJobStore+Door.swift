public import Jobs
internal import Redis

extension RedisJobStore {
    public func job(_ id: String) async throws(StoreError) -> JobView? {
        guard JobID.isValid(id) else { return nil }
        let names = queueNames
        var commands: [RedisCommand] = []
        for queue in names { commands.append(try command(.job, queue, id)) }
        for (queue, reply) in zip(names, try await calls(commands)) {
            if let fields = reply.array { return try JobView(id: id, queue: queue, fields) }
        }
        return nil
    }

    public func retry(_ id: String) async throws(StoreError) -> ChangeResult { try await change(.retry, id) }
    public func cancel(_ id: String) async throws(StoreError) -> ChangeResult { try await change(.cancel, id) }
    public func discard(_ id: String) async throws(StoreError) -> ChangeResult { try await change(.discard, id) }

    /// The queue is not part of an id; the function answers `missing` in all but one.
    private func change(_ function: FunctionLibrary.Name, _ id: String) async throws(StoreError) -> ChangeResult {
        guard JobID.isValid(id) else { return .missing }
        var commands: [RedisCommand] = []
        for queue in queueNames { commands.append(try command(function, queue, id)) }
        for reply in try await calls(commands) {
            let words = (reply.string ?? "").split(separator: " ").map(String.init)
            switch words.first {
            case "ok": return .changed
            case "state": return .state(JobState(rawValue: words[1]) ?? .queued)
            case "key": return .keyInUse(by: words[1])
            default: continue
            }
        }
        return .missing
    }

    public func retryDead(kind: String?, queue: String?) async throws(StoreError) -> Int {
        try await bulk("retry", kind, queue)
    }

    public func discardDead(kind: String?, queue: String?) async throws(StoreError) -> Int {
        try await bulk("discard", kind, queue)
    }

    private func bulk(_ what: String, _ kind: String?, _ queue: String?) async throws(StoreError) -> Int {
        var changed = 0
        for queue in queue.map({ [$0] }) ?? queueNames {
            var offset = 0
            var before = 0
            while offset >= 0 {
                let reply = try await call(
                    try command(.bulk, queue, what, kind ?? "", String(offset), String(before)))
                guard let words = reply.array, words.count == 3, let next = words[1].int else { throw .unreadable }
                changed += words[0].int ?? 0
                offset = next
                before = words[2].int ?? 0
            }
        }
        return changed
    }

    public func queues() async throws(StoreError) -> [QueueView] {
        let names = queueNames
        var commands: [RedisCommand] = []
        for queue in names { commands.append(try command(.queue, queue)) }
        var views: [QueueView] = []
        for (name, reply) in zip(names, try await calls(commands)) {
            let words = (reply.array ?? []).compactMap(\.int)
            guard words.count == 8 else { throw .unreadable }
            views.append(
                QueueView(
                    name: name, isPaused: words[0] == 1, depth: words[1], oldestAge: .milliseconds(words[2]),
                    running: words[3], rate: Double(words[4]) / 60, suspects: words[5], delayed: words[6],
                    dead: words[7]))
        }
        return views
    }

    public func pause(_ queue: String) async throws(StoreError) {
        try checkQueue(queue)
        _ = try await call(try command(.pause, queue))
    }

    public func resume(_ queue: String) async throws(StoreError) {
        try checkQueue(queue)
        _ = try await call(try command(.resume, queue))
    }

    func checkQueue(_ queue: String) throws(StoreError) {
        if !queueNames.contains(queue) {
            throw StoreError(.refused, "there is no queue \(queue.prefix(40)) in jobs.conf", mayHaveRun: false)
        }
    }

    public func census(_ queue: String) async throws(StoreError) -> Census {
        let words = (try await call(try command(.census, queue)).array ?? []).compactMap(\.int)
        guard words.count == 10 else { throw .unreadable }
        var census = Census()
        (census.enqueued, census.succeeded, census.cancelled, census.discarded) = (
            words[0], words[1], words[2], words[3]
        )
        (census.waiting, census.delayed, census.inFlight) = (words[4], words[5], words[6])
        (census.suspect, census.dead, census.foreign) = (words[7], words[8], words[9])
        return census
    }
}
