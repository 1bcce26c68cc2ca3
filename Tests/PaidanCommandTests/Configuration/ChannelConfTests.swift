import Channels
import Observability
import Testing

@testable import PaidanCommand

@Suite("jobs.conf: channels") struct ChannelConfTests {
    private static let robot = "https://qyapi.example.com/cgi-bin/webhook/send?key=k-1234567890"
    private static let ding = "https://oapi.example.com/robot/send?access_token=t-1234567890"

    @Test("each type with all its keys is taken")
    func whole() throws {
        let conf = try Conf.parse(
            """
            [channels.mail]
            type = "email"
            url = "smtps://mail.example.com:465"
            username = "crm@example.com"
            password = "file:/secret/mail"
            from = "派单 <crm@example.com>"
            ca_file = "/etc/ca.pem"
            enabled = false
            proxy = "socks5h://127.0.0.1:1080"
            timeout = "60s"
            quiet_hours = "22:00-08:00"
            per_minute = 5
            [channels."群 1"]
            type = "wecom_robot"
            url = "\(Self.robot)"
            [channels.ding]
            type = "dingtalk_robot"
            url = "env:DING"
            secret = ""
            keywords = ["线索", "env:WORD"]
            [notifications.assigned]
            channels = ["mail", "群 1", "ding"]
            """, environment: ["DING": Self.ding, "WORD": "客户"], files: ["/secret/mail": "top-secret\r\n"])
        #expect(conf.channels.map(\.name) == ["ding", "mail", "群 1"])
        #expect(conf.notifications["assigned"] == ["mail", "群 1", "ding"])
        guard case .email(let mail) = conf.channels[1].settings,
            case .dingtalkRobot(let ding) = conf.channels[0].settings
        else {
            Issue.record("types are mixed up")
            return
        }
        #expect(mail.password?.exposed == "top-secret")
        #expect(mail.options.enabled == false)
        #expect(mail.options.timeout == .seconds(60))
        #expect(mail.options.perMinute == 5)
        #expect(mail.options.quietHours == [QuietHours("22:00-08:00")])
        #expect(ding.secret == nil)
        #expect(ding.keywords == ["线索", "客户"])
        #expect(Set(conf.secrets.map(\.exposed)).isSuperset(of: ["top-secret", Self.robot, Self.ding]))
    }

    @Test("an e-mail channel needs no more than its server")
    func least() throws {
        let conf = try Conf.parse("[channels.mail]\ntype = \"email\"\nurl = \"smtp://127.0.0.1:587\"\n")
        #expect(conf.channels.count == 1)
    }

    @Test(
        "wrong keys are named with their line",
        arguments: [
            ("type = 'pigeon'", "type", "must be one of"), ("type = 7", "type", "must be a string"),
            ("type = 'email'", "url", "is missing"), ("type = 'email'\nurl = 'http://x'", "url", "must be smtp://"),
            ("type = 'email'\nurl = 'smtp://h'\nfrom = 'nobody'", "from", "must be an address"),
            ("type = 'email'\nurl = 'smtp://h'\nusername = 'u@example.com'", "password", "is empty"),
            ("type = 'email'\nurl = 'smtp://h'\nsecret = 'x'", "secret", "is an unknown key"),
            ("type = 'wecom_robot'", "url", "is missing"),
            ("type = 'wecom_robot'\nurl = 'https://h/send'", "url", "lacks ?key="),
            ("type = 'wecom_robot'\nurl = '\(robot)'\nsecret = 'x'", "secret", "is an unknown key"),
            ("type = 'dingtalk_robot'\nurl = 'https://h/send'", "url", "lacks ?access_token="),
            ("type = 'dingtalk_robot'\nurl = '\(ding)'\nkeywords = 'x'", "keywords", "must be a list of strings"),
            ("type = 'wecom_robot'\nurl = '\(robot)'\nenabled = 1", "enabled", "must be true or false"),
            ("type = 'wecom_robot'\nurl = '\(robot)'\nproxy = 'ftp://x'", "proxy", "must start with"),
            ("type = 'wecom_robot'\nurl = '\(robot)'\ntimeout = '0'", "timeout", "must be 1s to"),
            ("type = 'wecom_robot'\nurl = '\(robot)'\nper_minute = 0", "per_minute", "must be 1 to"),
            ("type = 'wecom_robot'\nurl = '\(robot)'\nquiet_hours = '22-8'", "quiet_hours", "must be hours such as"),
            ("type = 'sms'\nbase_url = 'https://h'\naccess_key_id = 'x'", "type", "later version"),
        ])
    func wrong(_ lines: String, _ key: String, _ problem: String) {
        let problems = Conf.problems("[channels.c]\n\(lines)\n")
        #expect(problems.count == 1, "\(problems)")
        let text = problems.first ?? ""
        let all = "[channels.c]\n\(lines)".split(separator: "\n")
        let line = (all.firstIndex { $0.hasPrefix("\(key) ") } ?? 0) + 1
        #expect(text.hasPrefix("jobs.conf:\(line): channels.c.\(key) "), "\(text)")
        #expect(text.contains(problem), "\(text)")
    }

    @Test("a channel that is no table, and one without a type")
    func noTable() {
        #expect(Conf.problems("[channels]\nmail = 'x'\n") == ["jobs.conf:2: channels.mail must be a table"])
        #expect(Conf.problems("[channels.mail]\nurl = 'x'\n") == ["jobs.conf:1: channels.mail.type is missing"])
    }

    @Test("an address with its key, a password and a proxy never stand in an error")
    func secrets() {
        let problems = Conf.problems(
            """
            [channels.a]
            type = "wecom_robot"
            url = "https://h/send?kee=canary-1"
            [channels.b]
            type = "email"
            url = "smtp://user:canary-2@h"
            [channels.c]
            type = "dingtalk_robot"
            url = "env:DING"
            proxy = "canary-4://x:canary-5@h"
            [channels.d]
            type = "email"
            url = "smtp://h"
            password = "canary-6"
            """, environment: ["DING": "canary-3"])
        #expect(problems.count >= 4)
        #expect(!problems.joined().contains("canary"), "\(problems)")
    }
}
