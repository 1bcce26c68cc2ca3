/// A job that is to be taken into a queue.
public struct NewJob: Sendable, Equatable {
    /// Made by the caller, so that a repeat is the same job: 1 to 64 letters, digits, `_` or `-`; see ``JobID``.
    public var id: String
    public var kind: String
    /// A JSON object of at most 64 KiB, kept byte for byte.
    public var args: [UInt8]
    public var queue: String
    /// How long it waits first. Takes precedence over ``runAt``.
    public var delay: Duration?
    /// When it may run, milliseconds since 1970; the past means now.
    public var runAt: Int?
    /// Makes the job the only one of its queue with this key until it has ended; 1 to 200 bytes.
    public var key: String?
    /// Runs before it is dead; `nil` is the kind's own number.
    public var maxAttempts: Int?
    /// How long one run may take; `nil` is the kind's own time.
    public var timeout: Duration?
    /// W3C trace context, handed on to what the job enqueues; printable ASCII without spaces.
    public var traceparent: String?
    public var idempotency: Idempotency?

    public init(
        id: String, kind: String, args: [UInt8] = Array("{}".utf8), queue: String, delay: Duration? = nil,
        runAt: Int? = nil, key: String? = nil, maxAttempts: Int? = nil, timeout: Duration? = nil,
        traceparent: String? = nil, idempotency: Idempotency? = nil
    ) {
        self.id = id
        self.kind = kind
        self.args = args
        self.queue = queue
        self.delay = delay
        self.runAt = runAt
        self.key = key
        self.maxAttempts = maxAttempts
        self.timeout = timeout
        self.traceparent = traceparent
        self.idempotency = idempotency
    }
}

/// A caller's own name for a request, remembered 24 h per user and queue.
public struct Idempotency: Sendable, Equatable {
    public var user: String
    public var key: String
    /// Tells a repeat from another request that uses the same key by mistake.
    public var bodyHash: String
    /// How long the caller waits for the job's end; zero: not at all. What counts is the first request with the key.
    public var wait: Duration

    public init(user: String, key: String, bodyHash: String, wait: Duration = .zero) {
        self.user = user
        self.key = key
        self.bodyHash = bodyHash
        self.wait = wait
    }
}

/// What became of one ``NewJob``.
public struct Enqueued: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case created
        /// There is such a job already; the id is that job's.
        case existing(By)
        /// The idempotency key was used with another body: nothing of the batch was written.
        case idempotencyMismatch
        /// Would have been created, but another job of the batch is a mismatch.
        case refused
    }
    public enum By: Sendable, Equatable { case id, key, idempotency }

    public var id: String
    public var outcome: Outcome
    /// Of one that was created, milliseconds since 1970 by the store's clock.
    public var createdAt: Int?
    /// Of a repeat by idempotency key: when the first request stopped waiting for the end, milliseconds since 1970;
    /// `nil`: it did not wait. So that a repeat can answer as the first did.
    public var waitedUntil: Int?

    public init(id: String, outcome: Outcome, createdAt: Int? = nil, waitedUntil: Int? = nil) {
        self.id = id
        self.outcome = outcome
        self.createdAt = createdAt
        self.waitedUntil = waitedUntil
    }
}

/// Bounds of a job, the same for every door.
public enum JobLimits {
    /// Bytes of arguments and of a result that is kept.
    public static let bytes = 64 * 1024
    public static let keyBytes = 200
    /// Settlements, and claims, of one exchange.
    public static let exchange = 256
    /// Jobs of one page of a listing.
    public static let page = 200
    /// Crashes with a job in flight, without progress in between, after which it is dead.
    public static let poisonCrashes = 3
    /// Crashes after which a job runs alone.
    public static let suspectCrashes = 2
}
