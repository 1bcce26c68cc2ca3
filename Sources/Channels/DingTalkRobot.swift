public import Curl
public import Observability

/// `[channels.NAME]` of type `dingtalk_robot`.
public struct DingTalkRobotSettings: Sendable {
    public var options = ChannelOptions()
    /// The whole address with its access_token.
    public var url: Secret
    /// `SEC…`; nil or empty: the robot is not in signature mode.
    public var secret: Secret?
    /// The robot's keywords, at most 10; not in signature mode.
    public var keywords: [String] = []

    public init(url: Secret) { self.url = url }

    /// - Throws: ``ChannelSettingError`` naming the first wrong field.
    public func validate(_ name: String) throws(ChannelSettingError) {
        try validateRobotURL(url, parameter: "access_token", name)
        for parameter in ["timestamp=", "sign="] where url.exposed.contains("&" + parameter) {
            throw ChannelSettingError(
                field: "channels.\(name).url", problem: "must not have \(parameter)…; each message is signed by itself")
        }
        if let secret, !secret.exposed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw ChannelSettingError(field: "channels.\(name).secret", problem: "must be the robot's SEC… text")
        }
        guard keywords.count <= 10, keywords.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 60 }) else {
            throw ChannelSettingError(
                field: "channels.\(name).keywords", problem: "must be at most 10 texts of 1 to 60 bytes")
        }
        try options.validate(name)
    }
}

/// A custom robot of a DingTalk group (钉钉自定义机器人).
public struct DingTalkRobot: Channel {
    public let name: String
    public let type = ChannelType.dingtalkRobot
    public let keyFingerprint: String
    public let limits: ChannelLimits
    public let ambiguousPolicy = AmbiguousPolicy.retryOnce
    public var quietHours: [QuietHours] { settings.options.quietHours }
    private let settings: DingTalkRobotSettings
    private let transport: RobotTransport

    /// Bytes of the JSON; the robot takes 20 000.
    static let budget = 18_000

    /// - Parameter now: milliseconds since 1970.
    public init(
        name: String, settings: DingTalkRobotSettings, client: CurlClient, now: @escaping @Sendable () -> Int64
    ) throws(ChannelSettingError) {
        try settings.validate(name)
        self.name = name
        self.settings = settings
        keyFingerprint = "\(type.rawValue):\(settings.url.keyHash)"
        limits = ChannelLimits(
            perMinute: settings.options.perMinute ?? RateWindow.robotLimit, spacing: .seconds(1),
            mergesDeliveries: true, digestBudget: Self.budget - 1000)
        transport = RobotTransport(
            client: client, options: settings.options,
            redactor: Redactor(robotSecrets(settings.url, settings.secret ?? Secret(""))), now: now)
    }

    private var isSigned: Bool { settings.secret?.isEmpty == false }

    public func bodies(for digest: Digest, to recipient: Recipient) -> [FrozenBody] {
        let at = DingTalkMentions(digest.mentions)
        let link = digest.link.map { "\n\n[查看全部](\(markdownTarget($0)))" } ?? ""
        let title = Escape.line(digest.title).truncated(toBytes: 60)
        let frame = JSON.size(title) + at.json.bytes.count + 200
        // Two spaces before a line break keep it.
        let form = RobotForm(
            escape: Escape.dingtalkMarkdown, budget: Self.budget - frame - at.size, size: JSON.size, lineBreak: "  \n")
        return form.messages(digest, header: { "**\($0)**" }, footer: link).enumerated().map { index, message in
            let mentions = index == 0 ? at : DingTalkMentions([])
            let markdown = JSON.object([
                "title": .string(title.isEmpty ? "通知" : title),
                "text": .string(withKeyword(message.text + mentions.text)),
            ])
            let body = JSON.object(["msgtype": .string("markdown"), "markdown": markdown, "at": mentions.json])
            return FrozenBody(
                bytes: body.bytes, contentType: "application/json; charset=utf-8", items: message.items)
        }
    }

    public func send(_ body: FrozenBody, to recipient: Recipient) async -> Outcome {
        let first = await attempt(body)
        // The clock may just have been set: sign anew, once.
        guard case .permanent(_, "310000", let hint) = first, isSigned, hint.contains(Self.timestampHint) else {
            return first
        }
        return await attempt(body)
    }

    private func attempt(_ body: FrozenBody) async -> Outcome {
        switch await transport.post(body, to: signedURL(at: transport.now())) {
        case .failure(let error): return Self.table.outcome(error)
        case .success(var reply):
            if reply.errcode == 310_000 { reply.errmsg = "\(Self.hint(for: reply.errmsg))\(reply.errmsg)" }
            return Self.table.outcome(
                reply, key: keyFingerprint, now: transport.now(), redactor: transport.redactor)
        }
    }

    /// Signed per attempt, from the address as configured: a signature is valid for an hour.
    func signedURL(at milliseconds: Int64) -> String {
        let base = settings.url.exposed
        guard let secret = settings.secret, !secret.isEmpty else { return base }
        let sign = DingTalkSignature.make(secret: secret, timestamp: milliseconds)
        return "\(base)&timestamp=\(milliseconds)&sign=\(percentEncoded(sign))"
    }

    /// Without one of its keywords a message is refused; a signed one needs none.
    private func withKeyword(_ text: String) -> String {
        guard !isSigned, let first = settings.keywords.first else { return text }
        return settings.keywords.contains(where: text.contains) ? text : "\(text) 【\(first)】"
    }
}

/// The `at` object, and the `@…` that the text must have as well.
private struct DingTalkMentions {
    private var mobiles: [String] = []
    private var users: [String] = []

    init(_ mentions: [Digest.Mention]) {
        for mention in mentions {
            if let mobile = mention.mobile {
                if !mobiles.contains(mobile) { mobiles.append(mobile) }
            } else if let user = mention.dingtalkUserID, !users.contains(user) {
                users.append(user)
            }
        }
    }

    var text: String {
        let all = mobiles + users
        return all.isEmpty ? "" : "\n\n" + all.map { "@\($0)" }.joined(separator: " ")
    }

    var size: Int { JSON.size(text) }

    var json: JSON {
        var fields: [String: JSON] = ["isAtAll": .bool(false)]
        if !mobiles.isEmpty { fields["atMobiles"] = .array(mobiles.map(JSON.string)) }
        if !users.isEmpty { fields["atUserIds"] = .array(users.map(JSON.string)) }
        return .object(fields)
    }
}
