internal import Curl
public import Observability

/// A wrong value of `[channels.NAME]`.
public struct ChannelSettingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Like `channels.mail.url`.
    public let field: String
    /// What is wrong and what is expected; never the value.
    public let problem: String
    public var description: String { "\(field): \(problem)" }
}

/// Keys that every type of channel has.
public struct ChannelOptions: Sendable {
    public var enabled = true
    /// `http://host:port` or `socks5h://host:port`; may hold a password. Nil: none.
    public var proxy: Secret?
    /// Longest time of one attempt, 1 s to 450 s. Nil: the type's default (20 s; e-mail 420 s).
    public var timeout: Duration?
    /// When nothing is sent, like `22:00-08:00`.
    public var quietHours: [QuietHours] = []
    /// Messages in any 60 s, at least 1. Nil: the type's default (group robots 18).
    public var perMinute: Int?

    public init() {}

    /// - Parameter name: the channel's, to name the field.
    /// - Throws: ``ChannelSettingError`` naming the first wrong field.
    func validate(_ name: String) throws(ChannelSettingError) {
        if let timeout, timeout < .seconds(1) || timeout > .seconds(450) {
            throw ChannelSettingError(field: "channels.\(name).timeout", problem: "must be 1s to 450s")
        }
        if let perMinute, !(1...100_000).contains(perMinute) {
            throw ChannelSettingError(field: "channels.\(name).per_minute", problem: "must be 1 to 100000")
        }
        if let proxy, !["http://", "https://", "socks5h://", "socks5://"].contains(where: proxy.exposed.hasPrefix) {
            throw ChannelSettingError(
                field: "channels.\(name).proxy", problem: "must start with http:// or socks5h://")
        }
    }
}

/// The address of a group robot, which is its credential.
func validateRobotURL(_ url: Secret, parameter: String, _ name: String) throws(ChannelSettingError) {
    let text = url.exposed
    guard ["https://", "http://"].contains(where: text.hasPrefix),
        text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), text.utf8.count <= 2048
    else {
        throw ChannelSettingError(
            field: "channels.\(name).url", problem: "must be the robot's whole https:// address, in ASCII")
    }
    let query = text.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
    guard
        query.split(separator: "&").contains(where: { $0.hasPrefix("\(parameter)=") && $0.count > parameter.count + 1 })
    else {
        throw ChannelSettingError(
            field: "channels.\(name).url", problem: "lacks ?\(parameter)=…; copy the robot's whole address")
    }
}
