public import Curl
public import Observability

/// `[channels.NAME]` of type `wecom_robot`.
public struct WeComRobotSettings: Sendable {
    public var options = ChannelOptions()
    /// The whole address with its key, which is the credential.
    public var url: Secret

    public init(url: Secret) { self.url = url }

    /// - Throws: ``ChannelSettingError`` naming the first wrong field.
    public func validate(_ name: String) throws(ChannelSettingError) {
        try validateRobotURL(url, parameter: "key", name)
        try options.validate(name)
    }
}

/// A robot of a WeCom group (企业微信群机器人).
public struct WeComRobot: Channel {
    public let name: String
    public let type = ChannelType.wecomRobot
    public let keyFingerprint: String
    public let limits: ChannelLimits
    public let ambiguousPolicy = AmbiguousPolicy.retryOnce
    public var quietHours: [QuietHours] { settings.options.quietHours }
    private let settings: WeComRobotSettings
    private let transport: RobotTransport

    /// Bytes of `content`; the robot takes 2048 and 4096.
    static let textBudget = 2000
    static let markdownBudget = 4000

    /// - Parameter now: milliseconds since 1970.
    public init(
        name: String, settings: WeComRobotSettings, client: CurlClient, now: @escaping @Sendable () -> Int64
    ) throws(ChannelSettingError) {
        try settings.validate(name)
        self.name = name
        self.settings = settings
        keyFingerprint = "\(type.rawValue):\(settings.url.keyHash)"
        limits = ChannelLimits(
            perMinute: settings.options.perMinute ?? RateWindow.robotLimit, spacing: .seconds(1),
            mergesDeliveries: true, digestBudget: Self.textBudget - 200)
        transport = RobotTransport(
            client: client, options: settings.options, redactor: Redactor(robotSecrets(settings.url)), now: now)
    }

    /// Markdown; text if somebody is to be mentioned, since only text alerts anybody. The first message mentions.
    public func bodies(for digest: Digest, to recipient: Recipient) -> [FrozenBody] {
        let mentions = WeComMentions(digest.mentions)
        return mentions.isEmpty ? markdownBodies(digest) : textBodies(digest, mentions)
    }

    public func send(_ body: FrozenBody, to recipient: Recipient) async -> Outcome {
        switch await transport.post(body, to: settings.url.exposed) {
        case .failure(let error): Self.table.outcome(error)
        case .success(let reply):
            Self.table.outcome(reply, key: keyFingerprint, now: transport.now(), redactor: transport.redactor)
        }
    }

    private func markdownBodies(_ digest: Digest) -> [FrozenBody] {
        let footer = digest.link.map { "\n[查看全部](\(markdownTarget($0)))" } ?? ""
        let form = RobotForm(escape: Escape.wecomMarkdown, budget: Self.markdownBudget, size: { $0.utf8.count })
        return form.messages(digest, header: { "**\($0)**" }, footer: footer).map { message in
            let content = JSON.object(["content": .string(message.text)])
            return FrozenBody(
                bytes: JSON.object(["msgtype": .string("markdown"), "markdown": content]).bytes,
                contentType: "application/json", items: message.items)
        }
    }

    private func textBodies(_ digest: Digest, _ mentions: WeComMentions) -> [FrozenBody] {
        let footer = digest.link.map { "\n查看全部：\($0)" } ?? ""
        let form = RobotForm(escape: Escape.wecomText, budget: Self.textBudget, size: { $0.utf8.count })
        return form.messages(digest, header: { $0 }, footer: footer).enumerated().map { index, message in
            var text: [String: JSON] = ["content": .string(message.text)]
            if index == 0 { mentions.add(to: &text) }
            return FrozenBody(
                bytes: JSON.object(["msgtype": .string("text"), "text": .object(text)]).bytes,
                contentType: "application/json", items: message.items)
        }
    }
}

/// `mentioned_list` and `mentioned_mobile_list`, which stand inside `text`.
private struct WeComMentions {
    private var users: [String] = []
    private var mobiles: [String] = []
    var isEmpty: Bool { users.isEmpty && mobiles.isEmpty }

    init(_ mentions: [Digest.Mention]) {
        for mention in mentions {
            if let user = mention.wecomUserID {
                if !users.contains(user) { users.append(user) }
            } else if let mobile = mention.mobile, !mobiles.contains(mobile) {
                mobiles.append(mobile)
            }
        }
    }

    func add(to text: inout [String: JSON]) {
        if !users.isEmpty { text["mentioned_list"] = .array(users.map(JSON.string)) }
        if !mobiles.isEmpty { text["mentioned_mobile_list"] = .array(mobiles.map(JSON.string)) }
    }
}
