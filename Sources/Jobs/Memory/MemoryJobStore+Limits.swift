internal import OwnerThread

extension MemoryJobStore {
    public func limit(_ kinds: [KindLimit]) async throws(StoreError) {
        state.withLock { state in
            for kind in kinds {
                state.limits[kind.kind] = kind.concurrency == nil && kind.rate == nil ? nil : kind
            }
        }
    }

    public func permit(queue: String, key: String, rate: Rate) async throws(StoreError) -> Duration? {
        let time = now()
        return state.withLock { state in
            let name = "rate:\(queue):\(key)"
            let (room, wait) = state.room(in: name, rate, time)
            if room <= 0 { return .milliseconds(max(1, wait)) }
            state.windows[name, default: []].append(time)
            return nil
        }
    }

    /// As `edit`, for what depends on other queues too.
    func edit<R: Sendable>(
        _ queue: String, _ body: (inout Queue, Int, inout State) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        let time = now()
        return try state.withLock { state throws(StoreError) in
            guard var copy = state.queues[queue] else {
                throw StoreError(.refused, "there is no queue \(queue)", mayHaveRun: false)
            }
            defer { state.queues[queue] = copy }
            return try body(&copy, time, &state)
        }
    }
}

extension MemoryJobStore.State {
    static func starts(_ kind: String) -> String { "starts:" + kind }

    /// How many more of each kind with a limit may be claimed now. Counted anew each time, so it cannot drift.
    mutating func room(_ now: Int) -> [String: Int] {
        var room: [String: Int] = [:]
        for (kind, limit) in limits {
            var free = Int.max
            if let concurrency = limit.concurrency { free = concurrency - running(kind) }
            if let rate = limit.rate { free = min(free, self.room(in: Self.starts(kind), rate, now).room) }
            room[kind] = free
        }
        return room
    }

    private func running(_ kind: String) -> Int {
        queues.values.reduce(0) { sum, queue in
            sum + queue.inFlight.values.reduce(0) { $0 + $1.values.count { queue.jobs[$0]?.view.kind == kind } }
        }
    }

    /// Milliseconds until a kind's window has room, if it has none now.
    mutating func wait(_ kind: String, _ now: Int) -> Int? {
        guard let rate = limits[kind]?.rate else { return nil }
        let (room, wait) = room(in: Self.starts(kind), rate, now)
        return room > 0 ? nil : wait
    }

    /// Room in a sliding window, and milliseconds until there is some.
    mutating func room(in window: String, _ rate: Rate, _ now: Int) -> (room: Int, wait: Int) {
        let length = rate.window.inMilliseconds
        let within = (windows[window] ?? []).filter { $0 >= now - length }
        windows[window] = within.isEmpty ? nil : within
        if within.count < rate.limit { return (rate.limit - within.count, 0) }
        return (0, within[within.count - rate.limit] + length + 1 - now)
    }
}

extension MemoryJobStore.Queue {
    var parkedCount: Int { parked.values.reduce(0) { $0 + $1.count } }

    /// Parked jobs that may run now.
    func open(_ room: [String: Int]) -> Int {
        parked.reduce(0) { $0 + min($1.value.count, max(0, room[$1.key] ?? .max)) }
    }

    /// True also for what is in a list and no job to run.
    func hasRoom(_ id: String, _ room: [String: Int]) -> Bool {
        guard let job = jobs[id], !job.isTombstone, !job.isDiscarded else { return true }
        return room[job.view.kind, default: 1] > 0
    }
}
