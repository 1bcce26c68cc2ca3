public import Jobs
internal import Redis

extension RedisJobStore {
    public func limit(_ kinds: [KindLimit]) async throws(StoreError) {
        if kinds.isEmpty { return }
        var command = Self.command(.limit, keys: queueNames.map { Keys(queue: $0).ready })
        for kind in kinds {
            command.append(kind.kind)
            command.append(kind.concurrency ?? 0)
            command.append(kind.rate?.limit ?? 0)
            command.append(kind.rate?.window.milliseconds ?? 0)
        }
        _ = try await call(command)
    }

    public func permit(queue: String, key: String, rate: Rate) async throws(StoreError) -> Duration? {
        let reply = try await call(
            try command(.permit, queue, key, String(rate.limit), String(rate.window.milliseconds)))
        guard let wait = reply.int else { throw .unreadable }
        return wait == 0 ? nil : .milliseconds(wait)
    }
}
