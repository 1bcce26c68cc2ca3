import Jobs
import OwnerThread

/// A store that counts the calls made to it.
final class CountingStore: JobStore {
    enum Call: Hashable, Sendable { case exchange, peek, progress, promote, prune, enqueue }

    private let store: any JobStore
    private let calls = Lock([Call: Int]())

    init(_ store: any JobStore) { self.store = store }

    subscript(call: Call) -> Int { calls.withLock { $0[call, default: 0] } }

    private func count(_ call: Call) { calls.withLock { $0[call, default: 0] += 1 } }

    func exchange(_ exchange: Exchange) async throws(StoreError) -> ExchangeReply {
        count(.exchange)
        return try await store.exchange(exchange)
    }
    func peek(queue: String, timeout: Duration) async throws(StoreError) -> Bool {
        count(.peek)
        return try await store.peek(queue: queue, timeout: timeout)
    }
    func progress(
        session: String, queue: String, slot: Int, id: String, _ progress: JobView.Progress
    ) async throws(StoreError) {
        count(.progress)
        try await store.progress(session: session, queue: queue, slot: slot, id: id, progress)
    }
    func promote() async throws(StoreError) -> Promotion {
        count(.promote)
        return try await store.promote()
    }
    func prune(done: Duration, dead: Duration) async throws(StoreError) -> Int {
        count(.prune)
        return try await store.prune(done: done, dead: dead)
    }
    func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [Enqueued] {
        count(.enqueue)
        return try await store.enqueue(jobs)
    }
}

extension CountingStore {
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
    func beat(session: String, lease: Duration, worker: WorkerInfo) async throws(StoreError) {
        try await store.beat(session: session, lease: lease, worker: worker)
    }
    func cancellations(session: String) async throws(StoreError) -> [Cancellation] {
        try await store.cancellations(session: session)
    }
    func release(session: String) async throws(StoreError) -> Int { try await store.release(session: session) }
    func unregister(process: String) async throws(StoreError) { try await store.unregister(process: process) }
    func checkpoint(session: String, queue: String, id: String) async throws(StoreError) {
        try await store.checkpoint(session: session, queue: queue, id: id)
    }
    func reap(lease: Duration) async throws(StoreError) -> ReapReport { try await store.reap(lease: lease) }
}
