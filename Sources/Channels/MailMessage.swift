internal import Crypto
internal import FoundationEssentials
internal import Observability

/// A mail with a text and an HTML part, as bytes for SMTP.
struct MailMessage {
    var from: Mailbox
    var to: Mailbox
    var subject: String
    var text: String
    var html: String
    /// Without angle brackets.
    var messageID: String
    /// Milliseconds since 1970.
    var date: Int64
    /// Minutes east of UTC.
    var utcOffset = CivilTime.shanghai

    /// The same for the same delivery, so that a second attempt after a crash is the same mail, and not to be guessed.
    ///
    /// - Returns: `<first 40 hex of HMAC-SHA256(key, delivery)>@domain`, without angle brackets.
    static func makeID(key: [UInt8], delivery: String, domain: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(delivery.utf8), using: SymmetricKey(data: key))
        return "\(hex(code).prefix(40))@\(domain)"
    }

    /// ASCII headers, CRLF, base64 parts.
    var bytes: [UInt8] {
        // As hard to guess as the Message-ID; `_` and `-` do not occur in base64, so no part can hold it.
        let boundary = "_paidan-\(hex(SHA256.hash(data: Array(messageID.utf8))).prefix(32))"
        let headers = [
            "Date: \(CivilTime.mailDate(date, offsetMinutes: utcOffset))",
            "From: \(from.header)",
            "To: \(to.header)",
            "Subject: \(HeaderText.unstructured(subject))",
            "Message-ID: <\(messageID)>",
            "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "Content-Type: multipart/alternative; boundary=\"\(boundary)\"",
        ]
        let parts = [("text/plain", text), ("text/html", html)].map { type, content in
            "--\(boundary)\r\nContent-Type: \(type); charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                + Base64.lines(Array(content.utf8))
        }
        let head = headers.map(HeaderText.folded).joined(separator: "\r\n")
        return Array("\(head)\r\n\r\n\(parts.joined())--\(boundary)--\r\n".utf8)
    }
}
