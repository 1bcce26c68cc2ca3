/// One configured way to reach people: `[channels.NAME]`.
public protocol Channel: Sendable {
    /// `NAME`.
    var name: String { get }
    var type: ChannelType { get }
    /// Names the account or robot whose limits apply, for tables and logs: the type and 16 hex characters of a SHA-256,
    /// of which people are shown the last 4.
    var keyFingerprint: String { get }
    var limits: ChannelLimits { get }
    var ambiguousPolicy: AmbiguousPolicy { get }
    /// When nothing is sent.
    var quietHours: [QuietHours] { get }

    /// The messages that name every item of `digest` in exactly one of them, in order, each within the provider's size.
    ///
    /// The same digest gives the same bytes. At least one message, also for a digest without items.
    func bodies(for digest: Digest, to recipient: Recipient) -> [FrozenBody]

    /// One attempt. Never throws: everything that can happen is an ``Outcome``.
    func send(_ body: FrozenBody, to recipient: Recipient) async -> Outcome
}

public enum ChannelType: String, Sendable, Codable, CaseIterable {
    case wecomRobot = "wecom_robot"
    case wecomApp = "wecom_app"
    case wechatTemplate = "wechat_template"
    case dingtalkRobot = "dingtalk_robot"
    case dingtalkWork = "dingtalk_work"
    case sms, webhook, email
}

/// What to do when a message may or may not have been delivered.
public enum AmbiguousPolicy: String, Sendable, Codable {
    /// Send the same bytes again: the receiver can tell a repeat, or a repeat is harmless.
    case retry
    /// Send once more: a duplicate beats a miss.
    case retryOnce
    /// Wait for a person.
    case hold
}

/// How fast a channel may be used.
public struct ChannelLimits: Sendable, Equatable {
    /// Messages in a sliding window; nil: no limit of its own.
    public var perMinute: Int?
    /// Least time between two messages.
    public var spacing: Duration
    /// True if several deliveries for one key are merged into one message.
    public var mergesDeliveries: Bool
    /// Bytes of item lines that one message holds.
    public var digestBudget: Int
}

/// Whom a message is for. A group robot has one recipient, its group.
public struct Recipient: Sendable, Hashable {
    /// Unique within the channel, like `group` or `user:42`.
    public var key: String
    public var name: String?
    public var email: String?
    public var mobile: String?
    public var wecomUserID: String?
    public var dingtalkUserID: String?

    public init(
        key: String, name: String? = nil, email: String? = nil, mobile: String? = nil, wecomUserID: String? = nil,
        dingtalkUserID: String? = nil
    ) {
        self.key = key
        self.name = name
        self.email = email
        self.mobile = mobile
        self.wecomUserID = wecomUserID
        self.dingtalkUserID = dingtalkUserID
    }

    public static let group = Recipient(key: "group")
}

/// The bytes of one message, stored before the first attempt and sent unchanged by every attempt.
public struct FrozenBody: Sendable, Equatable {
    public var bytes: [UInt8]
    public var contentType: String
    /// Positions in ``Digest/items`` that this message names.
    public var items: Range<Int>

    public init(bytes: [UInt8], contentType: String, items: Range<Int>) {
        self.bytes = bytes
        self.contentType = contentType
        self.items = items
    }
}
