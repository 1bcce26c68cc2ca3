public enum JobState: String, Sendable, CaseIterable {
    case scheduled, queued, running, retrying, succeeded, dead, cancelled
}

/// Everything that is shown of a job. Times are milliseconds since 1970.
public struct JobView: Sendable, Equatable {
    public var id: String
    public var kind: String
    public var queue: String
    public var state: JobState
    /// JSON, as it came in.
    public var args: [UInt8]
    /// 0 before the first claim.
    public var attempt: Int
    /// `nil` is the kind's own number.
    public var maxAttempts: Int?
    public var createdAt: Int
    /// When it is due, or was due last, if it ever had to wait for a time.
    public var runAt: Int?
    public var startedAt: Int?
    public var finishedAt: Int?
    /// JSON.
    public var result: [UInt8]?
    public var error: Failure?
    public var progress: Progress?
    public var key: String?

    public struct Failure: Sendable, Equatable {
        public var code: String
        public var message: String

        public init(code: String, message: String) {
            self.code = code
            self.message = message
        }
    }

    /// A job as it is when it has just been taken in.
    ///
    /// - Parameters:
    ///   - id: of the job that was there already; `nil` is the new one's own.
    ///   - createdAt: milliseconds since 1970, of the store's clock.
    public init(_ job: NewJob, id: String? = nil, createdAt: Int) {
        let due = job.delay.map { createdAt + $0.inMilliseconds } ?? job.runAt ?? 0
        self.init(
            id: id ?? job.id, kind: job.kind, queue: job.queue, state: due > createdAt ? .scheduled : .queued,
            args: job.args, attempt: 0, maxAttempts: job.maxAttempts, createdAt: createdAt,
            runAt: due > createdAt ? due : nil, key: job.key)
    }

    public struct Progress: Sendable, Equatable {
        public var done: Int
        public var total: Int

        public init(done: Int, total: Int) {
            self.done = done
            self.total = total
        }
    }

    public init(
        id: String, kind: String, queue: String, state: JobState, args: [UInt8], attempt: Int, maxAttempts: Int? = nil,
        createdAt: Int, runAt: Int? = nil, startedAt: Int? = nil, finishedAt: Int? = nil, result: [UInt8]? = nil,
        error: Failure? = nil, progress: Progress? = nil, key: String? = nil
    ) {
        self.id = id
        self.kind = kind
        self.queue = queue
        self.state = state
        self.args = args
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.createdAt = createdAt
        self.runAt = runAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.result = result
        self.error = error
        self.progress = progress
        self.key = key
    }
}

/// Which jobs a listing shows; `nil` is all.
public struct JobFilter: Sendable, Equatable {
    public var state: JobState?
    public var kind: String?
    public var queue: String?

    public init(state: JobState? = nil, kind: String? = nil, queue: String? = nil) {
        self.state = state
        self.kind = kind
        self.queue = queue
    }
}

public struct JobPage: Sendable {
    /// May be shorter than asked for, even empty, while there is a cursor.
    public var jobs: [JobView]
    public var nextCursor: String?

    public init(jobs: [JobView], nextCursor: String?) {
        self.jobs = jobs
        self.nextCursor = nextCursor
    }
}

/// Answer to retry, cancel and discard.
public enum ChangeResult: Sendable, Equatable {
    case changed
    case missing
    /// The job's state does not allow it.
    case state(JobState)
    /// Another job holds this one's key now.
    case keyInUse(by: String)
}
