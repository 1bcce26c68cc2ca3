/// Keeps a channel whose settings are wrong from being tried by every delivery.
public struct Breaker: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        case closed
        /// Deliveries are held. `probeAt`: when one may try again (ms since 1970); nil: only by hand (测试发送).
        case open(probeAt: Int64?, code: String, hint: String)
    }

    /// Time between probes, in milliseconds.
    public static let probeInterval: Int64 = 600_000
    public private(set) var state: State

    public init(_ state: State = .closed) { self.state = state }

    /// True if one delivery may be sent now; a probe moves the next one on, so that only one goes.
    public mutating func admits(at now: Int64) -> Bool {
        switch state {
        case .closed: return true
        case .open(let probeAt?, let code, let hint) where now >= probeAt:
            state = .open(probeAt: now + Self.probeInterval, code: code, hint: hint)
            return true
        case .open: return false
        }
    }

    /// - Returns: true if the state changed between open and closed, which operations should hear of.
    public mutating func record(_ outcome: Outcome, at now: Int64) -> Bool {
        let wasOpen = state != .closed
        switch outcome {
        case .permanent(.config, let code, let hint):
            state = .open(probeAt: now + Self.probeInterval, code: code, hint: hint)
        case .permanent(.credentials, let code, let hint):
            state = .open(probeAt: nil, code: code, hint: hint)
        // The provider looked at the message itself, so the channel works.
        case .delivered, .accepted, .partial, .permanent(.recipient, _, _), .permanent(.content, _, _):
            state = .closed
        case .retry, .rateLimited, .tokenRejected, .ambiguous: break
        }
        return wasOpen != (state != .closed)
    }
}
