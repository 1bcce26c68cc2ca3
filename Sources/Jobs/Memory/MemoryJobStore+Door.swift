internal import OwnerThread

extension MemoryJobStore {
    public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [Enqueued] {
        for job in jobs { try check(job) }
        let time = now()
        return state.withLock { state in
            var next = state
            let answers = jobs.map { job in
                next.queues[job.queue]?.add(job, time) ?? Enqueued(id: job.id, outcome: .refused)
            }
            guard answers.contains(where: { $0.outcome == .idempotencyMismatch }) else {
                state = next
                return answers
            }
            return answers.map {
                $0.outcome == .created ? Enqueued(id: $0.id, outcome: .refused) : $0
            }
        }
    }

    private func check(_ job: NewJob) throws(StoreError) {
        guard names.contains(job.queue), JobID.isValid(job.id), KindName.isValid(job.kind),
            job.args.count <= JobLimits.bytes, job.key.map({ (1...JobLimits.keyBytes).contains($0.utf8.count) }) ?? true
        else { throw StoreError(.refused, "queue, id, kind, key or args are out of bounds", mayHaveRun: false) }
    }

    public func job(_ id: String) async throws(StoreError) -> JobView? {
        state.withLock { state in
            state.queues.values.lazy.compactMap { $0.jobs[id] }.first { !$0.isDiscarded }?.view
        }
    }

    public func jobs(_ filter: JobFilter, cursor: String?, limit: Int) async throws(StoreError) -> JobPage {
        guard let offset = Int(cursor ?? "0") else {
            throw StoreError(.refused, "this cursor belongs to another listing", mayHaveRun: false)
        }
        let all = state.withLock { state in names.flatMap { state.queues[$0]?.listing() ?? [] } }
        let found = all.filter {
            (filter.queue ?? $0.queue) == $0.queue && (filter.state ?? $0.state) == $0.state
                && (filter.kind ?? $0.kind) == $0.kind
        }
        let page = Array(found.dropFirst(offset).prefix(min(max(limit, 1), JobLimits.page)))
        let end = offset + page.count
        return JobPage(jobs: page, nextCursor: end < found.count ? String(end) : nil)
    }

    public func retry(_ id: String) async throws(StoreError) -> ChangeResult { change(id) { $0.retry($1, $2) } }
    public func cancel(_ id: String) async throws(StoreError) -> ChangeResult { change(id) { $0.cancel($1, $2) } }
    public func discard(_ id: String) async throws(StoreError) -> ChangeResult { change(id) { $0.discard($1, $2) } }

    private func change(_ id: String, _ body: (inout Queue, String, Int) -> ChangeResult) -> ChangeResult {
        let time = now()
        return state.withLock { state in
            for name in names where state.queues[name]?.jobs[id]?.isDiscarded == false {
                guard var queue = state.queues[name] else { continue }
                defer { state.queues[name] = queue }
                return body(&queue, id, time)
            }
            return .missing
        }
    }

    public func retryDead(kind: String?, queue: String?) async throws(StoreError) -> Int {
        bulk(kind, queue) { $0.retry($1, $2) }
    }

    public func discardDead(kind: String?, queue: String?) async throws(StoreError) -> Int {
        bulk(kind, queue) { $0.discard($1, $2) }
    }

    private func bulk(
        _ kind: String?, _ queue: String?, _ body: (inout Queue, String, Int) -> ChangeResult
    ) -> Int {
        let dead = state.withLock { state in
            names.filter { $0 == queue ?? $0 }.flatMap { name in
                Queue.inOrder(state.queues[name]?.dead ?? [:]).filter { id in
                    kind == nil || state.queues[name]?.jobs[id]?.view.kind == kind
                }
            }
        }
        return dead.count { change($0, body) == .changed }
    }

    public func queues() async throws(StoreError) -> [QueueView] {
        let time = now()
        return state.withLock { state in
            names.compactMap { name in
                guard let queue = state.queues[name] else { return nil }
                let next = ([queue.ready] + queue.parked.values).compactMap { list in
                    list.last { queue.jobs[$0]?.view.state == .queued }
                }
                let since = next.compactMap { queue.jobs[$0]?.queuedAt }.min() ?? time
                return QueueView(
                    name: name, isPaused: queue.isPaused,
                    depth: queue.ready.count + queue.parkedCount + queue.suspect.count,
                    oldestAge: .milliseconds(max(0, time - since)),
                    running: queue.inFlight.values.reduce(0) { $0 + $1.count }, rate: 0,
                    suspects: queue.suspect.count, delayed: queue.delayed.count, dead: queue.dead.count)
            }
        }
    }

    public func pause(_ queue: String) async throws(StoreError) {
        try edit(queue) { queue, _ in queue.isPaused = true }
    }
    public func resume(_ queue: String) async throws(StoreError) {
        try edit(queue) { queue, _ in queue.isPaused = false }
    }

    public func census(_ queue: String) async throws(StoreError) -> Census {
        try edit(queue) { queue, _ in
            var census = queue.counts
            census.waiting = queue.ready.count + queue.parkedCount
            census.suspect = queue.suspect.count
            census.delayed = queue.delayed.count
            census.dead = queue.dead.count
            census.inFlight = queue.inFlight.values.reduce(0) { $0 + $1.count }
            return census
        }
    }

    public func workers() async throws(StoreError) -> [WorkerInfo] {
        let time = now()
        return state.withLock { $0.workers.values.filter { $0.until > time }.map(\.info) }
    }
}
