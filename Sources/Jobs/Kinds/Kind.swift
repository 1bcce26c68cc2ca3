internal import OwnerThread

/// A kind of job: what its arguments are, how it runs, and how often.
public struct Kind: Sendable {
    public var name: String
    /// Where its jobs wait unless the caller says otherwise.
    public var queue: String
    /// Runs before a job is dead, at least 1. Default 10.
    public var maxAttempts: Int
    /// How long one run may take. Default 60 s.
    public var timeout: Duration
    /// Jobs of this kind that run at the same time in all processes; `nil` is no limit.
    public var concurrency: Int?
    /// Starts of this kind within a window, all processes together; `nil` is no limit.
    public var rate: Rate?
    /// Claims that one call of the handler may take; 1 = one at a time.
    public var batch: Int
    /// True if its effect and receipt are in PostgreSQL, so that cancelling one that runs is a race for the receipt.
    public var hasEffect: Bool
    public var retryPolicy: RetryPolicy

    let checkArguments: @Sendable ([UInt8]) throws(ArgumentError) -> Void
    /// Claims that shall not share a call with others.
    let runsAlone: @Sendable (Claim) -> Bool
    /// One outcome a claim, in their order.
    let run: @Sendable ([Claim], JobContext) async throws -> [Outcome]

    init(
        _ name: String, queue: String, maxAttempts: Int, timeout: Duration, concurrency: Int?, batch: Int,
        hasEffect: Bool, checkArguments: @escaping @Sendable ([UInt8]) throws(ArgumentError) -> Void,
        runsAlone: @escaping @Sendable (Claim) -> Bool,
        run: @escaping @Sendable ([Claim], JobContext) async throws -> [Outcome]
    ) {
        precondition(KindName.isValid(name), "kind name \(name) must be 1 to 64 letters, digits, ., _ or -")
        precondition(maxAttempts >= 1 && batch >= 1, "\(name): maxAttempts and batch must be at least 1")
        self.name = name
        self.queue = queue
        self.maxAttempts = maxAttempts
        self.timeout = timeout
        self.concurrency = concurrency
        self.batch = min(batch, JobLimits.exchange)
        self.hasEffect = hasEffect
        self.checkArguments = checkArguments
        self.runsAlone = runsAlone
        self.run = run
        retryPolicy = RetryPolicy()
    }

    /// Refuses at the door what would die in the worker.
    ///
    /// - Throws: ``ArgumentError`` for arguments that are no JSON object of this kind's shape.
    public func check(arguments: [UInt8]) throws(ArgumentError) { try checkArguments(arguments) }
}

/// The kinds that this process knows, by name. Copies share what they know.
public struct KindRegistry: Sendable {
    private let kinds: Lock<[String: Kind]>

    /// - Parameter kinds: of different names.
    public init(_ kinds: [Kind]) { self.kinds = Lock(Self.byName(kinds)) }

    /// Other settings from now on; what runs goes on with those it began with.
    public func replace(_ kinds: [Kind]) { self.kinds.withLock { $0 = Self.byName(kinds) } }

    public subscript(name: String) -> Kind? { kinds.withLock { $0[name] } }

    /// What each may do at most; one without a limit says so.
    var limits: [KindLimit] {
        all.map { KindLimit(kind: $0.name, concurrency: $0.concurrency, rate: $0.rate) }
    }

    /// In the order of their names.
    public var all: [Kind] { kinds.withLock { $0 }.values.sorted { $0.name < $1.name } }

    private static func byName(_ kinds: [Kind]) -> [String: Kind] {
        Dictionary(uniqueKeysWithValues: kinds.map { ($0.name, $0) })
    }
}
