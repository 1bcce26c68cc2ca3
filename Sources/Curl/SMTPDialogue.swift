/// Follows an SMTP session by the server's reply lines, which is all that libcurl shows of it.
///
/// libcurl's result code cannot be used: a refusal after the final dot, a success like 251 and a lost session share
/// codes, and a refused recipient among accepted ones leaves no trace.
struct SMTPDialogue {
    enum Action: Equatable { case proceed, abort }

    /// Why the session was ended by us.
    enum Fault { case authNotOffered, notAuthenticated }

    private let startTLS: Bool
    private let credentials: Bool
    private let expectedRecipients: Int
    private(set) var phase: SMTPPhase = .greeting
    private(set) var fault: Fault?
    private(set) var recipients: [SMTPReply] = []
    /// The first refusal that ends the session.
    private var refusal: (phase: SMTPPhase, reply: SMTPReply)?
    private var final: SMTPReply?
    private var secured = false
    private var authOffered = false
    private var authenticated = false
    private var lines: [String] = []

    init(startTLS: Bool, credentials: Bool, recipients: Int) {
        self.startTLS = startTLS
        self.credentials = credentials
        expectedRecipients = recipients
    }

    /// To be called before the first line if the connection had a session already.
    mutating func continueSession() {
        phase = .mail
        authenticated = credentials
    }

    /// True from the reply 354 until the final reply: the server may have the mail.
    var isUnconfirmed: Bool { phase == .final && final == nil }
    /// False if a reply may still come that belongs to this mail.
    var isInStep: Bool { report != nil }
    /// True once nothing that follows can change the report.
    var isDecided: Bool { final != nil || refusal != nil || fault != nil }

    var report: SMTPReport? {
        if let final { return SMTPReport(phase: .final, reply: final, recipients: recipients) }
        // A positive answer to the wrong question is none.
        guard let refusal, !refusal.reply.isPositive || refusal.phase == .hello else { return nil }
        return SMTPReport(phase: refusal.phase, reply: refusal.reply, recipients: recipients)
    }

    /// - Parameter line: one line of a reply, with or without its line end.
    mutating func read(_ line: some Sequence<UInt8>) -> Action {
        let bytes = line.prefix { $0 != 0x0D && $0 != 0x0A }
        guard bytes.count >= 3, bytes.prefix(3).allSatisfy({ (0x30...0x39).contains($0) }) else { return .proceed }
        let code = bytes.prefix(3).reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let rest = String(decoding: bytes.dropFirst(4).prefix(600), as: UTF8.self)
        if phase == .hello, isAuthLine(rest) { authOffered = true }
        if lines.count < 20 { lines.append(rest) }
        if bytes.dropFirst(3).first == 0x2D { return .proceed }
        defer { lines = [] }
        return take(makeReply(code, lines))
    }

    private func isAuthLine(_ text: String) -> Bool {
        let upper = text.uppercased()
        return upper.hasPrefix("AUTH ") || upper.hasPrefix("AUTH=")
    }

    private mutating func take(_ reply: SMTPReply) -> Action {
        guard !isOver(reply) else { return .proceed }
        switch phase {
        case .greeting: expect(220, reply, then: .hello)
        case .hello: return helloReply(reply)
        case .startTLS:
            secured = reply.code == 220
            authOffered = false
            expect(220, reply, then: .hello)
        case .auth:
            if reply.code == 334 { break }
            authenticated = reply.code == 235
            // A refused mechanism may be followed by another one.
            if authenticated { refusal = nil }
            expect(235, reply, then: .mail)
        case .mail: expect(250, reply, then: .recipient)
        case .recipient:
            recipients.append(reply)
            if recipients.count < expectedRecipients { break }
            phase = .data
            if !recipients.contains(where: \.isPositive) { refusal = (.recipient, reply) }
        case .data:
            if reply.code == 354, credentials, !authenticated {
                fault = .notAuthenticated
                return .abort
            }
            expect(354, reply, then: .final)
        case .final: final = reply
        }
        return .proceed
    }

    /// True for the answer to QUIT. Only EHLO and AUTH are tried another way after a refusal.
    private func isOver(_ reply: SMTPReply) -> Bool {
        if final != nil { return true }
        guard refusal != nil else { return false }
        return reply.code == 221 || (phase != .hello && phase != .auth)
    }

    private mutating func helloReply(_ reply: SMTPReply) -> Action {
        guard reply.code == 250 else {
            refusal = (.hello, reply)  // libcurl may try HELO
            return .proceed
        }
        refusal = nil
        if startTLS && !secured {
            phase = .startTLS
        } else if !credentials {
            phase = .mail
        } else if authOffered {
            phase = .auth
        } else {
            // libcurl would send the mail without logging in.
            fault = .authNotOffered
            return .abort
        }
        return .proceed
    }

    private mutating func expect(_ code: Int, _ reply: SMTPReply, then next: SMTPPhase) {
        let positive = phase == .mail ? reply.code / 100 == 2 : reply.code == code
        if positive {
            phase = next
        } else {
            refusal = (phase, reply)
        }
    }
}

/// Takes the enhanced code (`5.1.1`) off the first line's start.
private func makeReply(_ code: Int, _ lines: [String]) -> SMTPReply {
    var words = lines.first?.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false) ?? []
    var enhanced: String?
    if let first = words.first, isEnhancedCode(first) {
        enhanced = String(first)
        words.removeFirst()
    }
    let text = (words.map(String.init) + lines.dropFirst()).joined(separator: " ")
    return SMTPReply(code: code, enhanced: enhanced, text: String(text.prefix(200)))
}

private func isEnhancedCode(_ word: Substring) -> Bool {
    let parts = word.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 3 && ["2", "4", "5"].contains(parts[0])
        && parts.allSatisfy { (1...3).contains($0.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
}
