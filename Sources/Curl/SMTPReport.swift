/// The step of an SMTP session that a reply belongs to.
public enum SMTPPhase: String, Sendable {
    case greeting, hello, startTLS, auth, mail, recipient, data, final
}

/// One reply of a mail server; continuation lines are joined.
public struct SMTPReply: Sendable, Equatable {
    /// 200–599.
    public var code: Int
    /// RFC 3463, like `5.1.1`.
    public var enhanced: String?
    /// What follows the codes, at most 200 characters; may name an address.
    public var text: String

    public init(code: Int, enhanced: String? = nil, text: String = "") {
        self.code = code
        self.enhanced = enhanced
        self.text = text
    }

    public var isPositive: Bool { code < 400 }
    public var isTransient: Bool { (400..<500).contains(code) }
}

/// What the mail server said about one mail.
public struct SMTPReport: Sendable, Equatable {
    /// Where the deciding reply was given.
    public var phase: SMTPPhase
    /// The deciding reply: the final one, or the refusal that ended the session.
    public var reply: SMTPReply
    /// Replies to `RCPT TO` in the order of ``SMTPMessage/recipients``, as far as the session came.
    public var recipients: [SMTPReply]

    public init(phase: SMTPPhase, reply: SMTPReply, recipients: [SMTPReply] = []) {
        self.phase = phase
        self.reply = reply
        self.recipients = recipients
    }

    /// True if the server took the mail for every recipient whose own reply is positive.
    public var isAccepted: Bool { phase == .final && reply.isPositive }
}
