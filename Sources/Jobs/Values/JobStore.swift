/// The queue: whoever puts jobs in, looks at them or changes them.
public protocol JobDoor: Sendable {
    /// Takes in all jobs or none.
    ///
    /// - Returns: one answer a job, in their order.
    /// - Throws: ``StoreError`` `.refused` for an id, queue, key or size out of bounds, `.outOfMemory`, `.unavailable`.
    func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [Enqueued]
    /// - Returns: `nil` if there is no such job, or no longer.
    func job(_ id: String) async throws(StoreError) -> JobView?
    /// - Parameter limit: 1 to ``JobLimits/page``.
    /// - Throws: ``StoreError`` `.refused` for a cursor that is not one of this listing.
    func jobs(_ filter: JobFilter, cursor: String?, limit: Int) async throws(StoreError) -> JobPage

    /// From dead, cancelled (new attempt count) and retrying (runs now).
    func retry(_ id: String) async throws(StoreError) -> ChangeResult
    /// From scheduled, queued, retrying and running.
    func cancel(_ id: String) async throws(StoreError) -> ChangeResult
    /// From all states but running.
    func discard(_ id: String) async throws(StoreError) -> ChangeResult
    /// - Returns: number of jobs retried; those whose key another job holds stay dead.
    func retryDead(kind: String?, queue: String?) async throws(StoreError) -> Int
    func discardDead(kind: String?, queue: String?) async throws(StoreError) -> Int

    func queues() async throws(StoreError) -> [QueueView]
    /// At once for all processes.
    func pause(_ queue: String) async throws(StoreError)
    func resume(_ queue: String) async throws(StoreError)
    func census(_ queue: String) async throws(StoreError) -> Census
    func workers() async throws(StoreError) -> [WorkerInfo]
}

/// The queue: whoever works. One session covers all queues that the store was made for.
public protocol JobStore: JobDoor {
    /// Begins a session; what its predecessor had in flight goes back to the front at once, uncounted.
    ///
    /// - Parameter session: ``WorkerInfo/process``, a dot, and a number that was not used before.
    func open(session: String, lease: Duration, predecessor: String?) async throws(StoreError)
    /// Has a session that lives cover queues that were named since it began.
    func extend(session: String, lease: Duration) async throws(StoreError)
    /// Says what kinds may do at most from now on, in whatever queue; those not named keep what they have.
    ///
    /// Whoever spoke last is right. To be said after each ``open(session:lease:predecessor:)``: a store that lost
    /// everything has lost this too.
    func limit(_ kinds: [KindLimit]) async throws(StoreError)
    /// Notes one more of something that may happen so often, if it may now.
    ///
    /// - Parameter key: of the queue's own; any text.
    /// - Returns: `nil` if it may, else how long to wait before it is worth asking again.
    func permit(queue: String, key: String, rate: Rate) async throws(StoreError) -> Duration?
    /// Acknowledges and claims in one step. Jobs over their kind's limit wait aside and hold up nobody.
    ///
    /// - Throws: ``StoreError`` `.sessionLost` when nothing was done and nothing may be done in this session's name.
    func exchange(_ exchange: Exchange) async throws(StoreError) -> ExchangeReply
    /// Moves the end of the session's lease; registers the process with the same time to live, before.
    func beat(session: String, lease: Duration, worker: WorkerInfo) async throws(StoreError)
    /// - Returns: claims of this session that were cancelled since the last call.
    func cancellations(session: String) async throws(StoreError) -> [Cancellation]
    /// Ends a session; what it has in flight goes back to the front, the attempt not spent.
    ///
    /// - Returns: number of jobs given back.
    func release(session: String) async throws(StoreError) -> Int
    func unregister(process: String) async throws(StoreError)
    func progress(
        session: String, queue: String, slot: Int, id: String, _ progress: JobView.Progress
    ) async throws(StoreError)
    /// The job moved on: its crash count starts again.
    func checkpoint(session: String, queue: String, id: String) async throws(StoreError)

    /// Waits until the queue's ready list holds something, which stays there.
    ///
    /// - Returns: false when the time is over.
    func peek(queue: String, timeout: Duration) async throws(StoreError) -> Bool

    /// One step (at most 256 jobs a queue) of taking back what lost sessions had in flight.
    func reap(lease: Duration) async throws(StoreError) -> ReapReport
    /// Moves due jobs to the ready lists, at most 1,000 a queue.
    func promote() async throws(StoreError) -> Promotion
    /// Forgets a few jobs that ended longer ago than that.
    ///
    /// - Returns: number looked at; 0 when there is nothing left to do.
    func prune(done: Duration, dead: Duration) async throws(StoreError) -> Int
}

extension JobStore {
    /// For stores whose queues never change.
    public func extend(session: String, lease: Duration) async throws(StoreError) {}
}

/// What one step of the promoter did.
public struct Promotion: Sendable, Equatable {
    public var moved: Int
    /// Time until the next job is due, 0 if more are due now; `nil` if none waits.
    public var nextDue: Duration?

    public init(moved: Int, nextDue: Duration?) {
        self.moved = moved
        self.nextDue = nextDue
    }
}

/// What one step of the reaper did.
public struct ReapReport: Sendable, Equatable {
    public var sessions = 0
    /// Jobs that go on.
    public var returned = 0
    public var poisoned: [(id: String, kind: String)] = []
    /// Another step has work to do now.
    public var hasMore = false

    public init() {}

    public static func == (a: Self, b: Self) -> Bool {
        a.sessions == b.sessions && a.returned == b.returned && a.hasMore == b.hasMore
            && a.poisoned.elementsEqual(b.poisoned) { $0 == $1 }
    }
}
