/// Decides what the worker pool asks of the store, and when: events in, actions out, no I/O.
///
/// Slots are claimed for only when they are free. Each queue that may hold work is entitled to its weight's share of all
/// slots; who has had least in the long run (its `pass`) comes first, so that none starves. At most one exchange a queue
/// is under way, which makes batches as large as the load asks for.
struct Dispatcher {
    typealias Instant = ContinuousClock.Instant

    enum Action: Equatable {
        case open(session: Int, predecessor: Int?)
        case exchange(queue: Int, session: Int, Lane, settlements: [Settlement], take: Int, firstSlot: Int)
        case peek(queue: Int)
        case run(queue: Int, session: Int, [Claim])
        /// The session is gone: what runs in its name shall stop.
        case cancelHandlers(session: Int)
        /// Ask again (`tick`) at this time.
        case wake(at: Instant)
        /// Stopped, and everything acknowledged.
        case drained
    }

    struct Queue {
        var weight: Double
        /// No longer worked on: what is in hand is settled, nothing is claimed.
        var isRetired = false
        /// The session covers it.
        var isJoined = true
        /// Jobs taken divided by weight: the lowest is served first.
        var pass = 0.0
        /// Last known length of the ready list; `nil` = worth a look.
        var waiting: Int?
        var suspects = 0
        /// The last look found no suspect to claim.
        var isOutOfSuspects = false
        /// Slots that its jobs hold, or that it has asked for.
        var inUse = 0
        var isExchanging = false
        var isPeeking = false
        /// No peek now: look again at this time (paused, or the peek failed).
        var lookAt: Instant?
        var acknowledgements: [Settlement] = []
        var oldestAcknowledgement: Instant?
        var nextSlot = 1

        /// Known to hold work, or worth a look.
        var mayHoldWork: Bool { isWorked && lookAt == nil && waiting != 0 }

        var isWorked: Bool { !isRetired && isJoined }
    }

    enum Session: Equatable {
        case closed(retryAt: Instant)
        case opening(Int)
        case open(Int)
    }

    /// How long an acknowledgement waits for company.
    static let companyWait = Duration.milliseconds(5)
    /// Time between looks where a peek cannot be used.
    static let fallback = Duration.seconds(1)
    /// How long suspects wait for a quiet moment before claims stop to make one.
    static let suspectPatience = Duration.seconds(5)

    /// Where suspects run.
    enum Suspects { case alone, elsewhere, only }

    let concurrency: Int
    let suspectsRun: Suspects
    var queues: [Queue]
    var session: Session
    /// Number of the newest session asked for.
    var number = 0
    /// The last session that was open: its jobs are taken back by the next.
    var predecessor: Int?
    /// Jobs in the hands of handlers, also those of lost sessions until they end.
    var running = 0
    /// Jobs asked for in exchanges under way.
    var reserved = 0
    /// Consecutive failures of the store.
    var failures = 0
    /// Consecutive runs that met infrastructure trouble.
    var troubles = 0
    var noClaimsUntil: Instant?
    var isStopping = false
    /// No claims for now; what is in hand goes on.
    var isQuiet = false
    var hasDrained = false
    /// The job that runs alone now, or is asked for.
    var isSuspectRunning = false
    var suspectsSince: Instant?
    /// The pass of the queue served last: who comes back from idleness begins here, without a claim on what it missed.
    var floor = 0.0
    /// When free slots began to wait for company.
    var shortOfSlotsSince: Instant?

    init(concurrency: Int, weights: [Int], suspects: Suspects = .alone, now: Instant) {
        self.concurrency = concurrency
        suspectsRun = suspects
        queues = weights.map { Queue(weight: Double($0)) }
        session = .closed(retryAt: now)
    }

    var openSession: Int? {
        if case .open(let number) = session { return number }
        return nil
    }

    /// How long free slots wait for company under load: what Redis needs for as many jobs, 15 µs each.
    var slotWait: Duration { min(.microseconds(15 * concurrency), .milliseconds(2)) }

    /// 0.1 s, doubled with each failure, at most 2 s: a store that comes back is found within moments.
    static func backoff(_ failures: Int) -> Duration {
        min(.milliseconds(100 << min(max(failures - 1, 0), 10)), .seconds(2))
    }
}
