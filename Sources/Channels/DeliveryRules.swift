/// What an outcome means for the delivery's row, as a value: the caller writes it down.
public enum DeliveryRules {
    public enum Status: String, Sendable, Codable {
        case pending, leased, sent, accepted, partial, retry, held, ambiguous, merged, suppressed, dead
    }

    public struct Decision: Sendable, Equatable {
        public var status: Status
        /// Milliseconds since 1970; nil: not tried again by itself.
        public var nextAt: Int64?
        /// False: the attempt is not counted.
        public var countsAttempt = true
        /// Nothing with this key before that time.
        public var pause: (key: String, until: Int64)?
        /// True: no more messages to this recipient over this channel.
        public var suppressesRecipient = false
        /// True: bisect if it is a digest (``DigestPlan/bisect(_:)``); if not, `status` holds.
        public var splits = false
        /// The provider's code and a text, for the row and the list of failures.
        public var code: String?
        public var hint: String?

        public static func == (a: Decision, b: Decision) -> Bool {
            a.status == b.status && a.nextAt == b.nextAt && a.countsAttempt == b.countsAttempt
                && a.pause?.key == b.pause?.key && a.pause?.until == b.pause?.until
                && a.suppressesRecipient == b.suppressesRecipient && a.splits == b.splits && a.code == b.code
                && a.hint == b.hint
        }
    }

    /// - Parameters:
    ///   - attempt: this attempt's number, from 1.
    ///   - wasAmbiguous: an earlier attempt of this delivery was ambiguous already.
    ///   - now: milliseconds since 1970.
    public static func decide(
        _ outcome: Outcome, attempt: Int, wasAmbiguous: Bool = false, policy: AmbiguousPolicy,
        backoff: DeliveryBackoff = DeliveryBackoff(), now: Int64, expiresAt: Int64?,
        using random: inout some RandomNumberGenerator
    ) -> Decision {
        switch outcome {
        case .delivered(_, let alarm): return Decision(status: .sent, hint: alarm)
        case .accepted: return Decision(status: .accepted)
        case .partial(_, let dead): return Decision(status: .partial, hint: dead.values.sorted().first)
        case .tokenRejected:
            return Decision(status: .retry, nextAt: now, countsAttempt: false, code: "token")
        case .rateLimited(let key, let until, let why):
            let isLate = expiresAt.map { until >= $0 } ?? false
            return Decision(
                status: isLate ? .dead : .retry, nextAt: isLate ? nil : until, countsAttempt: false,
                pause: (key, until), code: why.code, hint: why.text)
        case .retry(let after, let why):
            return again(
                backoff.decide(
                    attempt: attempt, after: after, limit: why.attempts, now: now, expiresAt: expiresAt,
                    using: &random), why)
        case .ambiguous(let why):
            if policy == .hold { return Decision(status: .held, code: why.code, hint: why.text) }
            if policy == .retryOnce && wasAmbiguous {
                return Decision(status: .ambiguous, code: why.code, hint: why.text)
            }
            return again(
                backoff.decide(attempt: attempt, now: now, expiresAt: expiresAt, using: &random), why)
        case .permanent(let kind, let code, let hint):
            switch kind {
            case .config, .credentials:
                return Decision(status: .held, countsAttempt: false, code: code, hint: hint)
            case .recipient: return Decision(status: .dead, suppressesRecipient: true, code: code, hint: hint)
            case .content: return Decision(status: .dead, splits: true, code: code, hint: hint)
            }
        }
    }

    private static func again(_ decision: DeliveryBackoff.Decision, _ why: Outcome.Why) -> Decision {
        switch decision {
        case .again(let time): Decision(status: .retry, nextAt: time, code: why.code, hint: why.text)
        case .dead: Decision(status: .dead, code: why.code, hint: why.text)
        }
    }
}
