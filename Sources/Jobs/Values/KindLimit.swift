/// So many within any window of that length.
public struct Rate: Sendable, Equatable {
    /// 1 to ``most``.
    public var limit: Int
    /// 1 ms to 30 days; counted in whole milliseconds.
    public var window: Duration

    /// What is within the window is kept one by one.
    public static let most = 100_000

    public init(_ limit: Int, per window: Duration) {
        precondition((1...Self.most).contains(limit), "a rate's limit must be 1 to \(Self.most), is \(limit)")
        precondition(
            window >= .milliseconds(1) && window <= .seconds(30 * 86_400), "a rate's window is 1 ms to 30 days")
        self.limit = limit
        self.window = window
    }
}

/// What a kind may do at most, all processes and queues together.
public struct KindLimit: Sendable, Equatable {
    public var kind: String
    /// Jobs in flight; `nil` is no limit.
    public var concurrency: Int?
    /// Starts; `nil` is no limit.
    public var rate: Rate?

    public init(kind: String, concurrency: Int? = nil, rate: Rate? = nil) {
        precondition(concurrency ?? 1 >= 1, "\(kind): a limit must be at least 1")
        self.kind = kind
        self.concurrency = concurrency
        self.rate = rate
    }
}
