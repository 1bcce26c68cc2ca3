/// One mail for one SMTP transaction. TLS is required, by STARTTLS or from the start, and verified.
public struct SMTPMessage: Sendable {
    /// `smtp://host:port` (STARTTLS) or `smtps://host:port`, without path and credentials.
    public var url: String
    /// The fully qualified name said in EHLO.
    public var helloName: String
    /// Set: AUTH must succeed before anything is sent.
    public var credentials: Credentials?
    public var sender: String
    /// At least 1. A server's refusal of one does not stop the others.
    public var recipients: [String]
    /// The message with headers, lines ended by CRLF.
    public var data: [UInt8]
    public var caFile: String?
    /// As in ``HTTPRequest/proxy``.
    public var proxy: String?
    /// From the call to the final reply. Default 420 s: RFC 5321 §4.5.3.2.6 gives the server minutes after the final dot.
    public var timeout: Duration = .seconds(420)
    public var connectTimeout: Duration = .seconds(15)
    /// Longest wait for one reply. Default 300 s.
    public var replyTimeout: Duration = .seconds(300)

    public struct Credentials: Sendable {
        public var username: String
        public var password: String
        public init(username: String, password: String) {
            self.username = username
            self.password = password
        }
    }

    public init(url: String, helloName: String, sender: String, recipients: [String], data: [UInt8]) {
        self.url = url
        self.helloName = helloName
        self.sender = sender
        self.recipients = recipients
        self.data = data
    }

    var startsWithTLS: Bool { url.hasPrefix("smtps://") }

    /// - Throws: ``CurlError/Code/invalid``; the server has seen nothing then.
    func validate() throws(CurlError) {
        guard let scheme = ["smtp://", "smtps://"].first(where: url.hasPrefix),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !url.dropFirst(scheme.count).contains(where: { "/?#@".contains($0) })
        else { throw CurlError(.invalid, "the mail server must be written smtp://host:port or smtps://host:port") }
        guard MailAddress.isHostName(helloName) else {
            throw CurlError(.invalid, "the name to say EHLO with is not a host name")
        }
        guard MailAddress.isValid(sender) else { throw CurlError(.invalid, "the sender's address is malformed") }
        guard !recipients.isEmpty, recipients.allSatisfy(MailAddress.isValid) else {
            throw CurlError(.invalid, "a recipient's address is malformed")
        }
        try checkLines()
    }

    /// Bare line ends would end the mail early on some servers (SMTP smuggling), so they never reach libcurl.
    private func checkLines() throws(CurlError) {
        var previous: UInt8 = 0
        var length = 0
        var inHeaders = true
        for byte in data {
            guard (previous == 0x0D) == (byte == 0x0A) else {
                throw CurlError(.invalid, "the mail has a line end that is not CRLF")
            }
            previous = byte
            switch byte {
            case 0x0A:
                if length == 0 { inHeaders = false }
                length = 0
            case 0x0D: break
            case 0: throw CurlError(.invalid, "the mail has a NUL byte")
            case 0x80... where inHeaders: throw CurlError(.invalid, "the mail's headers are not ASCII")
            default:
                length += 1
                if length > 998 { throw CurlError(.invalid, "the mail has a line over 998 bytes") }
            }
        }
        guard previous == 0x0A else { throw CurlError(.invalid, "the mail does not end with CRLF") }
    }
}
