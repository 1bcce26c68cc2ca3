/// One job in the hands of a worker.
public struct Claim: Sendable, Equatable {
    public var id: String
    public var kind: String
    public var queue: String
    /// As they came in, byte for byte; a foreign push may hold anything here.
    public var args: [UInt8]
    /// 1 in the first run.
    public var attempt: Int
    /// Runs before the job is dead; `nil` is the kind's own number.
    public var maxAttempts: Int?
    /// `nil` is the kind's own time.
    public var timeout: Duration?
    public var traceparent: String?
    /// Milliseconds since 1970 of the store's clock.
    public var enqueuedAt: Int
    /// Since when it waited for this run.
    public var queuedAt: Int
    public var claimedAt: Int
    /// True if the job holds a unique key.
    public var hasKey: Bool
    /// Place in the session's table of jobs in flight.
    public var slot: Int

    public init(
        id: String, kind: String, queue: String, args: [UInt8], attempt: Int = 1, maxAttempts: Int? = nil,
        timeout: Duration? = nil, traceparent: String? = nil, enqueuedAt: Int = 0, queuedAt: Int = 0,
        claimedAt: Int = 0, hasKey: Bool = false, slot: Int = 0
    ) {
        self.id = id
        self.kind = kind
        self.queue = queue
        self.args = args
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.timeout = timeout
        self.traceparent = traceparent
        self.enqueuedAt = enqueuedAt
        self.queuedAt = queuedAt
        self.claimedAt = claimedAt
        self.hasKey = hasKey
        self.slot = slot
    }
}

/// A claim that was cancelled while it ran. Its job may be waiting, or running in another slot, again.
public struct Cancellation: Sendable, Hashable {
    public var queue: String
    public var slot: Int
    public var id: String

    public init(queue: String, slot: Int, id: String) {
        self.queue = queue
        self.slot = slot
        self.id = id
    }
}

extension Claim {
    var cancellation: Cancellation { Cancellation(queue: queue, slot: slot, id: id) }
}
