internal import Curl
internal import Observability

/// What a mail server's replies mean: the enhanced code says who is at fault, the basic one how long.
enum MailOutcome {
    /// - Parameter recipients: in the order of the message.
    static func make(_ report: SMTPReport, to recipients: [String], redactor: Redactor) -> Outcome {
        guard report.isAccepted else { return refused(report, redactor) }
        let dead = zip(recipients, report.recipients).filter { !$1.isPositive }
        guard !dead.isEmpty else { return .delivered(id: nil) }
        let names = Set(dead.map(\.0))
        return .partial(
            ok: recipients.filter { !names.contains($0) },
            dead: Dictionary(dead.map { ($0, code($1)) }, uniquingKeysWith: { first, _ in first }))
    }

    static func make(_ error: CurlError) -> Outcome {
        let why = Outcome.Why(code: error.code.description, text: error.message)
        if error.mayHaveRun { return .ambiguous(why: why) }
        let hint: String? =
            switch error.code {
            case .invalid: "邮件服务器地址、发件人或收件人地址不正确"
            case .certificate: "邮件服务器的证书不受信任，请检查 ca_file"
            case .tlsNotOffered: "邮件服务器不支持 STARTTLS，邮件未发送"
            case .authNotOffered: "邮件服务器不提供登录，但设置了 username"
            case .loginDenied: "邮件服务器没有可用的登录方式"
            default: nil
            }
        guard let hint else { return .retry(after: nil, why: why) }
        return .permanent(kind: .config, code: why.code, hint: hint)
    }

    private static func refused(_ report: SMTPReport, _ redactor: Redactor) -> Outcome {
        let reply = report.reply
        let text = String(redactor.redact(withoutAddresses(reply.text)).prefix(200))
        if reply.isTransient { return .retry(after: wait(reply), why: .init(code: code(reply), text: text)) }
        let (kind, hint) = fault(report)
        return .permanent(kind: kind, code: code(reply), hint: text.isEmpty ? hint : "\(hint)（\(text)）")
    }

    /// - Returns: nil for the ordinary steps.
    private static func wait(_ reply: SMTPReply) -> Duration? {
        switch (reply.code, reply.enhanced) {
        case (452, "4.2.2"): .seconds(3600)  // mailbox full
        case (450...451, "4.7.1"): .seconds(300)  // greylisting
        default: nil
        }
    }

    private static func fault(_ report: SMTPReport) -> (Outcome.Kind, String) {
        let reply = report.reply
        let parts = reply.enhanced?.split(separator: ".").compactMap { Int($0) } ?? []
        let (subject, detail) = parts.count == 3 ? (parts[1], parts[2]) : (-1, -1)
        switch report.phase {
        case .greeting, .hello, .startTLS: return (.config, "邮件服务器不接受连接")
        case .auth: return (.credentials, "邮箱登录失败，请检查 username 和 password")
        case .mail, .recipient, .data, .final: break
        }
        if [530, 534, 535, 538].contains(reply.code) { return (.credentials, "邮件服务器要求登录") }
        switch (report.phase, subject, detail) {
        case (_, 3, 4), (_, 2, 3): return (.content, "邮件过大")
        // X.1.7 and X.1.8 are about the sender's address.
        case (_, 1, 7), (_, 1, 8), (.mail, 1, _): return (.config, "邮件服务器不接受发件人地址")
        case (_, 1, _), (_, 2, _): return (.recipient, "收件人地址不存在或不可用")
        case (.mail, 7, _), (.recipient, 7, _): return (.config, "邮件服务器不允许此账号发送")
        case (_, 7, _): return (.content, "邮件被判为垃圾邮件或违反策略")
        case (_, 3, _), (_, 4, _), (_, 5, _): return (.config, "邮件服务器拒绝了邮件")
        case (.recipient, _, _): return (.recipient, "收件人地址不存在或不可用")
        case (.mail, _, _) where reply.code != 552: return (.config, "邮件服务器不接受发件人地址")
        default: return (.content, "邮件服务器拒绝了邮件内容")
        }
    }

    private static func code(_ reply: SMTPReply) -> String {
        reply.enhanced.map { "\(reply.code) \($0)" } ?? "\(reply.code)"
    }

    /// Servers repeat addresses in their replies; those are personal.
    private static func withoutAddresses(_ text: String) -> String {
        text.split(separator: " ").map { $0.contains("@") ? "…" : String($0) }.joined(separator: " ")
    }
}
