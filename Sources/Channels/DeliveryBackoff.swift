/// When a failed delivery is tried again. Times are milliseconds since 1970.
public struct DeliveryBackoff: Sendable {
    /// Waits after the first, second … attempt.
    public static let steps: [Duration] = [
        .seconds(5), .seconds(30), .seconds(120), .seconds(600), .seconds(1800), .seconds(3600), .seconds(7200),
        .seconds(14_400),
    ]
    /// Attempts in all, at least 1. Default 9.
    public var maxAttempts = 9

    public init() {}

    public enum Decision: Sendable, Equatable {
        case again(at: Int64)
        case dead(Reason)
    }

    public enum Reason: String, Sendable { case attempts, expired }

    /// - Parameters:
    ///   - attempt: attempts made so far, from 1.
    ///   - after: what the provider asked for; replaces the step, and is shortened or lengthened to 1 s … 1 h.
    ///   - limit: attempts in all that the reason allows.
    ///   - expiresAt: when the message is worth nothing.
    public func decide(
        attempt: Int, after: Duration? = nil, limit: Int? = nil, now: Int64, expiresAt: Int64?,
        using random: inout some RandomNumberGenerator
    ) -> Decision {
        precondition(attempt >= 1, "attempt starts at 1, got \(attempt)")
        guard attempt < min(maxAttempts, limit ?? maxAttempts) else { return .dead(.attempts) }
        let wait: Duration
        if let after {
            // Never earlier than asked; the spread keeps a crowd from coming back at once.
            wait = min(max(after, .seconds(1)), .seconds(3600)) * Double.random(in: 1...1.2, using: &random)
        } else {
            wait = Self.steps[min(attempt, Self.steps.count) - 1] * Double.random(in: 0.8...1.2, using: &random)
        }
        let time = now + Int64(wait / .milliseconds(1))
        if let expiresAt, time >= expiresAt { return .dead(.expired) }
        return .again(at: time)
    }
}
