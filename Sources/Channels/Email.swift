internal import Crypto
public import Curl
internal import FoundationEssentials
public import Observability

/// `[channels.NAME]` of type `email`.
public struct EmailSettings: Sendable {
    public var options = ChannelOptions()
    /// `smtp://host:587` (STARTTLS, required) or `smtps://host:465`.
    public var url: String
    /// Nil or empty: no login.
    public var username: String?
    public var password: Secret?
    /// `crm@example.com` or `销售助手 <crm@example.com>`.
    public var from: String
    /// PEM file of certificates to trust instead of the system's.
    public var caFile: String?

    public init(url: String, from: String) {
        self.url = url
        self.from = from
    }

    /// - Throws: ``ChannelSettingError`` naming the first wrong field.
    public func validate(_ name: String) throws(ChannelSettingError) {
        func fail(_ key: String, _ problem: String) throws(ChannelSettingError) {
            throw ChannelSettingError(field: "channels.\(name).\(key)", problem: problem)
        }
        let scheme = ["smtp://", "smtps://"].first(where: url.hasPrefix)
        let host = url.dropFirst(scheme?.count ?? 0)
        let isHost = !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/?#@".utf8.contains($0) }
        if scheme == nil || !isHost {
            try fail("url", "must be smtp://host:port or smtps://host:port, without a path or a user")
        }
        if Mailbox(from) == nil {
            try fail("from", "must be an address like crm@example.com or Name <crm@example.com>")
        }
        let hasUser = username?.isEmpty == false
        if hasUser, password?.isEmpty != false { try fail("password", "is empty, but username is set") }
        if !hasUser, password?.isEmpty == false { try fail("username", "is empty, but password is set") }
        if caFile?.isEmpty == true {
            try fail("ca_file", "is empty; leave the key out to use the system's certificates")
        }
        try options.validate(name)
    }
}

/// Mail over SMTP: one transaction per recipient, TLS required.
public struct Email: Channel {
    public let name: String
    public let type = ChannelType.email
    public let keyFingerprint: String
    public let limits: ChannelLimits
    public let ambiguousPolicy = AmbiguousPolicy.retry
    public var quietHours: [QuietHours] { settings.options.quietHours }
    private let settings: EmailSettings
    private let from: Mailbox
    private let client: CurlClient
    private let redactor: Redactor
    private let messageIDKey: [UInt8]
    private let utcOffset: Int

    /// Bytes of text in one mail.
    static let budget = 200_000

    /// - Parameter utcOffset: minutes east of UTC in the `Date` header; 480 is China's.
    public init(
        name: String, settings: EmailSettings, client: CurlClient, utcOffset: Int = 480
    ) throws(ChannelSettingError) {
        try settings.validate(name)
        guard let from = Mailbox(settings.from) else {
            throw ChannelSettingError(field: "channels.\(name).from", problem: "is not an address")
        }
        self.name = name
        self.settings = settings
        self.from = from
        self.client = client
        self.utcOffset = utcOffset
        let account = Secret("\(settings.url) \(settings.username ?? "")")
        keyFingerprint = "\(type.rawValue):\(account.keyHash)"
        limits = ChannelLimits(
            perMinute: settings.options.perMinute, spacing: .zero, mergesDeliveries: false, digestBudget: Self.budget)
        let password = settings.password ?? Secret("")
        redactor = Redactor([password])
        messageIDKey = Array(SHA256.hash(data: Array("Message-ID\n\(account.exposed)\n\(password.exposed)".utf8)))
    }

    /// One mail, or several if the text is very long. Without a valid address there is nothing to send to:
    /// the body then is empty and ``send(_:to:)`` says so.
    public func bodies(for digest: Digest, to recipient: Recipient) -> [FrozenBody] {
        guard let to = Mailbox(name: recipient.name, address: recipient.email ?? "") else {
            return [FrozenBody(bytes: [], contentType: "message/rfc822", items: digest.items.indices)]
        }
        return MailText.pages(digest, budget: Self.budget).enumerated().map { index, page in
            let id = MailMessage.makeID(
                key: messageIDKey, delivery: index == 0 ? digest.id : "\(digest.id)#\(index)", domain: from.domain)
            let message = MailMessage(
                from: from, to: to, subject: page.subject, text: page.text, html: page.html, messageID: id,
                date: digest.at, utcOffset: utcOffset)
            return FrozenBody(bytes: message.bytes, contentType: "message/rfc822", items: page.items)
        }
    }

    public func send(_ body: FrozenBody, to recipient: Recipient) async -> Outcome {
        guard let address = recipient.email, let to = Mailbox(address: address), !body.bytes.isEmpty else {
            return .permanent(kind: .recipient, code: "address", hint: "收件人没有可用的邮箱地址")
        }
        var message = SMTPMessage(
            url: settings.url, helloName: from.domain, sender: from.address, recipients: [to.address],
            data: body.bytes)
        if let username = settings.username, !username.isEmpty {
            message.credentials = .init(username: username, password: settings.password?.exposed ?? "")
        }
        message.caFile = settings.caFile
        message.proxy = settings.options.proxy?.exposed
        if let timeout = settings.options.timeout { message.timeout = timeout }
        do {
            let report = try await client.send(message)
            return MailOutcome.make(report, to: [to.address], redactor: redactor)
        } catch {
            return MailOutcome.make(error)
        }
    }
}
