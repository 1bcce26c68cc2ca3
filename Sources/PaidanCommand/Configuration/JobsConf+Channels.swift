import Channels
import Observability

extension JobsConf {
    /// One `[channels.NAME]`, checked, before it is connected to the network.
    struct ChannelEntry: Sendable {
        enum Settings: Sendable {
            case email(EmailSettings)
            case wecomRobot(WeComRobotSettings)
            case dingtalkRobot(DingTalkRobotSettings)
        }

        let name: String
        let type: ChannelType
        let settings: Settings

        var options: ChannelOptions {
            switch settings {
            case .email(let settings): settings.options
            case .wecomRobot(let settings): settings.options
            case .dingtalkRobot(let settings): settings.options
            }
        }

        /// A group robot speaks to a room, the others to each person.
        var speaksToGroup: Bool { type == .wecomRobot || type == .dingtalkRobot }
    }

    /// Events that people may be told of.
    private static let events: Set = [
        "assigned", "import_finished", "no_capacity", "offboard", "expiring", "escalated", "expired", "grabbed",
        "transferred",
    ]

    mutating func readChannels(_ root: inout ConfTable) {
        var table = root.subtable("channels")
        for name in table.names {
            var entry = table.subtable(name)
            if let channel = Self.channel(name, &entry) { channels.append(channel) }
        }
        table = root.subtable("notifications")
        for event in table.names {
            var entry = table.subtable(event)
            let names = entry.strings("channels") ?? []
            entry.finish()
            if !Self.events.contains(event) {
                table.note(event, "is an unknown event; known are \(Self.events.sorted().joined(separator: ", "))")
            }
            for name in names where !channels.contains(where: { $0.name == name }) {
                entry.note("channels", "names the channel \"\(name)\", which [channels] does not have")
            }
            notifications[event] = names
        }
    }

    private static func channel(_ name: String, _ table: inout ConfTable) -> ChannelEntry? {
        let text = table.required("type")
        let options = options(&table)
        defer { table.finish() }
        guard let type = ChannelType(rawValue: text) else {
            // Which keys it may have depends on the type.
            table.pass(table.names)
            if !text.isEmpty {
                let known = ChannelType.allCases.map(\.rawValue).joined(separator: ", ")
                table.note("type", "must be one of \(known), is \"\(text)\"")
            }
            return nil
        }
        do {
            switch type {
            case .email:
                let settings = try email(name, &table, options)
                return ChannelEntry(name: name, type: type, settings: .email(settings))
            case .wecomRobot:
                var settings = WeComRobotSettings(url: table.requiredSecret("url"))
                settings.options = options
                try settings.validate(name)
                return ChannelEntry(name: name, type: type, settings: .wecomRobot(settings))
            case .dingtalkRobot:
                var settings = DingTalkRobotSettings(url: table.requiredSecret("url"))
                settings.options = options
                settings.secret = table.secret("secret").flatMap { $0.isEmpty ? nil : $0 }
                settings.keywords = table.strings("keywords") ?? []
                try settings.validate(name)
                return ChannelEntry(name: name, type: type, settings: .dingtalkRobot(settings))
            case .wecomApp, .wechatTemplate, .dingtalkWork, .sms, .webhook:
                table.pass(laterKeys[type] ?? [])
                table.note(
                    "type", "\(text) comes with a later version; this one has email, wecom_robot, dingtalk_robot")
                return nil
            }
        } catch {
            // `field` is channels.NAME.KEY; the note finds its line by the key.
            table.note(String(error.field.split(separator: ".").last ?? "type"), error.problem)
            return nil
        }
    }

    /// Keys of the types that this version does not have yet, so that only the type is said to be wrong.
    private static let laterKeys: [ChannelType: [String]] = [
        .wecomApp: ["base_url", "corp_id", "secret", "agent_id"],
        .wechatTemplate: ["base_url", "app_id", "secret", "template_id", "fields"],
        .dingtalkWork: ["base_url", "oapi_base_url", "app_key", "app_secret", "agent_id"],
        .sms: ["base_url", "access_key_id", "access_key_secret", "sign_name", "template_code"],
        .webhook: ["url", "secret", "headers", "allow_networks", "allow_ports", "allow_http"],
    ]

    private static func email(
        _ name: String, _ table: inout ConfTable, _ options: ChannelOptions
    ) throws(ChannelSettingError) -> EmailSettings {
        let url = table.required("url")
        let username = table.optional("username").flatMap { $0.isEmpty ? nil : $0 }
        var settings = EmailSettings(
            url: url, from: table.string("from", default: username ?? "paidan@localhost.localdomain"))
        settings.username = username
        settings.password = table.secret("password").flatMap { $0.isEmpty ? nil : $0 }
        settings.caFile = table.optional("ca_file").flatMap { $0.isEmpty ? nil : $0 }
        settings.options = options
        try settings.validate(name)
        return settings
    }

    private static func options(_ table: inout ConfTable) -> ChannelOptions {
        var options = ChannelOptions()
        options.enabled = table.boolean("enabled", default: true)
        options.proxy = table.secret("proxy").flatMap { $0.isEmpty ? nil : $0 }
        if table.has("timeout") {
            options.timeout = table.duration("timeout", default: .seconds(20), in: .seconds(1)...(.seconds(450)))
        }
        options.perMinute = table.optionalInteger("per_minute", in: 1...100_000)
        if let text = table.optional("quiet_hours"), !text.isEmpty {
            if let hours = QuietHours(text) {
                options.quietHours = [hours]
            } else {
                table.note("quiet_hours", "must be hours such as 22:00-08:00, is \"\(text)\"")
            }
        }
        return options
    }
}
