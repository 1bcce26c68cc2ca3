/// How long a failed job waits: exponential with full jitter over the upper half.
public struct RetryPolicy: Sendable, Equatable {
    /// After the first failure. Default 15 s.
    public var base: Duration = .seconds(15)
    /// From one failure to the next. Default 2.
    public var factor = 2.0
    /// The longest. Default 1 h.
    public var cap: Duration = .seconds(3600)

    public init() {}

    /// Uniform in the upper half of min(cap, base · factor^(attempt − 1)).
    ///
    /// - Parameter attempt: the run that failed, from 1.
    public func delay(attempt: Int, using random: inout some RandomNumberGenerator) -> Duration {
        precondition(attempt >= 1, "attempt starts at 1, got \(attempt)")
        var ceiling = base
        for _ in 1..<min(attempt, 64) where ceiling < cap { ceiling = ceiling * factor }
        ceiling = min(ceiling, cap)
        return ceiling * Double.random(in: 0.5...1, using: &random)
    }
}
