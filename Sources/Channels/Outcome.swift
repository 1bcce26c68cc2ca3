/// What became of one attempt to send.
public enum Outcome: Sendable, Equatable {
    /// The provider has it. `alarm`: delivered, but something in it was wrong and operations should know.
    case delivered(id: String?, alarm: String? = nil)
    /// The provider will try; the result has to be asked for.
    case accepted(id: String)
    /// Some recipients have it; the others never will, each with its reason.
    case partial(ok: [String], dead: [String: String])
    /// Not delivered, and another attempt may help. `after` replaces the step of ``DeliveryBackoff``.
    case retry(after: Duration?, why: Why)
    /// Nothing may be sent with this key until then (ms since 1970). Uses up no attempt.
    case rateLimited(key: String, until: Int64, why: Why)
    /// The access token was refused: get a new one and send again within the same attempt.
    case tokenRejected
    /// It may or may not have been delivered.
    case ambiguous(why: Why)
    /// Another attempt cannot help. `hint` is in Chinese, for operations.
    case permanent(kind: Kind, code: String, hint: String)

    /// What is wrong when nothing is delivered.
    public enum Kind: String, Sendable, Codable {
        /// The channel's settings or its state at the provider: every message fails.
        case config
        /// As `config`, but each further attempt with these credentials makes it worse: no automatic probe.
        case credentials
        case recipient
        case content
    }

    /// A reason, without addresses, URLs or credentials.
    public struct Why: Sendable, Equatable {
        /// The provider's code (`45009`, `451 4.7.1`), `http-502`, or the transport's (`timedOut`).
        public var code: String
        /// Redacted, at most 200 characters.
        public var text: String
        /// Attempts this reason allows in all; nil: as many as the backoff.
        public var attempts: Int?

        public init(code: String, text: String, attempts: Int? = nil) {
            self.code = code
            self.text = text
            self.attempts = attempts
        }
    }
}
