/// Where a claim takes jobs from.
public enum Lane: String, Sendable { case ready, suspect }

/// One call to the store: what is finished, and how many are wanted.
public struct Exchange: Sendable {
    public var queue: String
    public var session: String
    public var lane: Lane
    /// At most ``JobLimits/exchange``.
    public var settlements: [Settlement]
    /// 0 to ``JobLimits/exchange``.
    public var take: Int
    /// Slot of the first job claimed; the next ones follow. Never used before in this session.
    public var firstSlot: Int

    public init(
        queue: String, session: String, lane: Lane = .ready, settlements: [Settlement] = [], take: Int, firstSlot: Int
    ) {
        self.queue = queue
        self.session = session
        self.lane = lane
        self.settlements = settlements
        self.take = take
        self.firstSlot = firstSlot
    }
}

/// What is to become of one claimed job.
public struct Settlement: Sendable, Equatable {
    public enum Change: Sendable, Equatable {
        /// - code, message: a remark on a job that has succeeded all the same (`result_too_large`).
        case done(result: [UInt8]?, code: String?, message: String)
        case retry(after: Duration, code: String, message: String)
        case snooze(for: Duration)
        case dead(code: String, message: String)
        /// Back to the front of its queue, the attempt not spent.
        case release
    }

    public var id: String
    public var slot: Int
    public var hasKey: Bool
    public var change: Change

    public init(_ claim: Claim, _ change: Change) {
        id = claim.id
        slot = claim.slot
        hasKey = claim.hasKey
        self.change = change
    }
}

public struct ExchangeReply: Sendable, Equatable {
    public var claims: [Claim]
    public var isPaused: Bool
    /// Left in the ready list, and those that waited for their kind's limit and may run now.
    public var waiting: Int
    /// Left in the suspect list; 0 if none of them may run now.
    public var suspects: Int

    public init(claims: [Claim], isPaused: Bool, waiting: Int, suspects: Int) {
        self.claims = claims
        self.isPaused = isPaused
        self.waiting = waiting
        self.suspects = suspects
    }
}
