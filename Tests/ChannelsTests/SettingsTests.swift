import Channels
import Observability
import Testing

@Suite struct SettingsTests {
    @Test("a wrong value is named by its key, and the value is not repeated")
    func fields() {
        func field(_ body: () throws(ChannelSettingError) -> Void) -> String? {
            do {
                try body()
                return nil
            } catch {
                #expect(!"\(error)".contains("canary"))
                return error.field
            }
        }
        func robot(_ url: String, _ change: (inout WeComRobotSettings) -> Void = { _ in }) -> String? {
            var settings = WeComRobotSettings(url: Secret(url))
            change(&settings)
            return field { () throws(ChannelSettingError) in try settings.validate("group") }
        }
        #expect(robot("https://qyapi.example.com/send?key=canary") == nil)
        #expect(robot("https://qyapi.example.com/send?key=") == "channels.group.url")
        #expect(robot("ftp://canary/send?key=x") == "channels.group.url")
        #expect(robot("https://q/send?key=canary\r\nx") == "channels.group.url")
        #expect(robot("https://q/?key=1") { $0.options.timeout = .seconds(900) } == "channels.group.timeout")
        #expect(robot("https://q/?key=1") { $0.options.perMinute = 0 } == "channels.group.per_minute")
        #expect(robot("https://q/?key=1") { $0.options.proxy = Secret("canary") } == "channels.group.proxy")

        func ding(_ url: String, _ change: (inout DingTalkRobotSettings) -> Void = { _ in }) -> String? {
            var settings = DingTalkRobotSettings(url: Secret(url))
            change(&settings)
            return field { () throws(ChannelSettingError) in try settings.validate("ding") }
        }
        #expect(ding("https://o/robot/send?access_token=t") == nil)
        #expect(ding("https://o/robot/send?access_token=t&sign=canary") == "channels.ding.url")
        #expect(
            ding("https://o/robot/send?access_token=t") { $0.secret = Secret("canary 1") } == "channels.ding.secret")
        #expect(ding("https://o/robot/send?access_token=t") { $0.keywords = [""] } == "channels.ding.keywords")

        func mail(_ url: String, _ from: String, _ change: (inout EmailSettings) -> Void = { _ in }) -> String? {
            var settings = EmailSettings(url: url, from: from)
            change(&settings)
            return field { () throws(ChannelSettingError) in try settings.validate("mail") }
        }
        #expect(mail("smtp://h:587", "crm@example.com") == nil)
        #expect(mail("smtps://h:465", "销售 <crm@example.com>") == nil)
        #expect(mail("http://canary", "crm@example.com") == "channels.mail.url")
        #expect(mail("smtp://user:canary@h", "crm@example.com") == "channels.mail.url")
        #expect(mail("smtp://h/canary", "crm@example.com") == "channels.mail.url")
        #expect(mail("smtp://h", "canary") == "channels.mail.from")
        #expect(mail("smtp://h", "crm@example.com") { $0.username = "u" } == "channels.mail.password")
        #expect(mail("smtp://h", "crm@example.com") { $0.password = Secret("canary") } == "channels.mail.username")
        #expect(mail("smtp://h", "crm@example.com") { $0.caFile = "" } == "channels.mail.ca_file")
    }
}
