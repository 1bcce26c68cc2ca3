#if DEBUG
import Jobs
import OwnerThread

/// A queue between whose calls the process may end, or that forgets what it hands out.
struct FaultyJobStore: JobStore {
    private let store: any JobStore
    private let point: CrashPoint?
    private let forgetsClaims: Bool
    /// Kinds of the jobs in hand, by id.
    private let kinds = Lock<[String: String]>([:])

    /// - Parameter forgetsClaims: a claim ends the job for the queue, as a plain pop from a list does.
    init(store: any JobStore, point: CrashPoint?, forgetsClaims: Bool = false) {
        self.store = store
        self.point = point
        self.forgetsClaims = forgetsClaims
    }

    func exchange(_ exchange: Exchange) async throws(StoreError) -> ExchangeReply {
        let done = exchange.settlements.filter { if case .done = $0.change { true } else { false } }.map(\.id)
        point?.reach(.acknowledging, kinds.withLock { kinds in done.compactMap { kinds.removeValue(forKey: $0) } })
        let reply = try await store.exchange(exchange)
        if forgetsClaims, !reply.claims.isEmpty {
            let ended = reply.claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
            _ = try await store.exchange(
                Exchange(queue: exchange.queue, session: exchange.session, settlements: ended, take: 0, firstSlot: 0))
        }
        kinds.withLock { kinds in for claim in reply.claims { kinds[claim.id] = claim.kind } }
        point?.reach(.claimed, reply.claims.map(\.kind))
        return reply
    }

    func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [Enqueued] {
        let answers = try await store.enqueue(jobs)
        point?.reach(.enqueued, jobs.map(\.kind))
        return answers
    }

    func checkpoint(session: String, queue: String, id: String) async throws(StoreError) {
        point?.reach(.checkpointed, kinds.withLock { [$0[id] ?? "-"] })
        try await store.checkpoint(session: session, queue: queue, id: id)
    }
}

// The rest is the store's.
extension FaultyJobStore {
    func job(_ id: String) async throws(StoreError) -> JobView? { try await store.job(id) }

    func jobs(_ filter: JobFilter, cursor: String?, limit: Int) async throws(StoreError) -> JobPage {
        try await store.jobs(filter, cursor: cursor, limit: limit)
    }

    func retry(_ id: String) async throws(StoreError) -> ChangeResult { try await store.retry(id) }
    func cancel(_ id: String) async throws(StoreError) -> ChangeResult { try await store.cancel(id) }
    func discard(_ id: String) async throws(StoreError) -> ChangeResult { try await store.discard(id) }

    func retryDead(kind: String?, queue: String?) async throws(StoreError) -> Int {
        try await store.retryDead(kind: kind, queue: queue)
    }

    func discardDead(kind: String?, queue: String?) async throws(StoreError) -> Int {
        try await store.discardDead(kind: kind, queue: queue)
    }

    func queues() async throws(StoreError) -> [QueueView] { try await store.queues() }
    func pause(_ queue: String) async throws(StoreError) { try await store.pause(queue) }
    func resume(_ queue: String) async throws(StoreError) { try await store.resume(queue) }
    func census(_ queue: String) async throws(StoreError) -> Census { try await store.census(queue) }
    func workers() async throws(StoreError) -> [WorkerInfo] { try await store.workers() }

    func open(session: String, lease: Duration, predecessor: String?) async throws(StoreError) {
        try await store.open(session: session, lease: lease, predecessor: predecessor)
    }

    func limit(_ kinds: [KindLimit]) async throws(StoreError) { try await store.limit(kinds) }

    func permit(queue: String, key: String, rate: Rate) async throws(StoreError) -> Duration? {
        try await store.permit(queue: queue, key: key, rate: rate)
    }

    func extend(session: String, lease: Duration) async throws(StoreError) {
        try await store.extend(session: session, lease: lease)
    }

    func beat(session: String, lease: Duration, worker: WorkerInfo) async throws(StoreError) {
        try await store.beat(session: session, lease: lease, worker: worker)
    }

    func cancellations(session: String) async throws(StoreError) -> [Cancellation] {
        try await store.cancellations(session: session)
    }

    func release(session: String) async throws(StoreError) -> Int { try await store.release(session: session) }
    func unregister(process: String) async throws(StoreError) { try await store.unregister(process: process) }

    func progress(
        session: String, queue: String, slot: Int, id: String, _ progress: JobView.Progress
    ) async throws(StoreError) {
        try await store.progress(session: session, queue: queue, slot: slot, id: id, progress)
    }

    func peek(queue: String, timeout: Duration) async throws(StoreError) -> Bool {
        try await store.peek(queue: queue, timeout: timeout)
    }

    func reap(lease: Duration) async throws(StoreError) -> ReapReport { try await store.reap(lease: lease) }
    func promote() async throws(StoreError) -> Promotion { try await store.promote() }

    func prune(done: Duration, dead: Duration) async throws(StoreError) -> Int {
        try await store.prune(done: done, dead: dead)
    }
}
#endif
