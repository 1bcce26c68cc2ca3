import Foundation
import Testing

@testable import PaidanCommand

@Suite("jobs.conf: the text") struct ConfTextTests {
    private static let shipped = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../../jobs.conf")

    @Test("the shipped file says the defaults")
    func shipped() throws {
        let text = try String(contentsOf: Self.shipped, encoding: .utf8)
        var said = try Conf.parse(text)
        var empty = try Conf.parse("")
        #expect(said.schedules.map(\.name) == ["expiry-escalation", "expiry-reminder", "expiry-sweep"])
        #expect(said.kinds["notify.send"]?.maxAttempts == 9)
        #expect(said.kinds["notify.send"]?.timeout == .seconds(450))
        #expect(said.kinds["noop"]?.enabled == false)
        (said.schedules, said.kinds) = ([], [:])
        (empty.schedules, empty.kinds) = ([], [:])
        #expect(String(reflecting: said) == String(reflecting: empty))
    }

    @Test("the examples in the shipped file's comments are right")
    func examples() throws {
        let text = try String(contentsOf: Self.shipped, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let examples = lines.drop { !$0.hasPrefix("# [channels.mail]") }.map {
            $0.hasPrefix("# ") ? $0.dropFirst(2) : ""
        }
        #expect(examples.count > 10)
        let robot = "https://h/send?key=k&access_token=t"
        let conf = try Conf.parse(
            examples.filter { !$0.hasPrefix("Which") && !$0.hasPrefix("ca_file") }.joined(separator: "\n"),
            files: [
                "/etc/paidan/mail-password": "p", "/etc/paidan/wecom-robot-url": robot,
                "/etc/paidan/dingtalk-robot-url": robot, "/etc/paidan/dingtalk-robot-secret": "SECx",
            ])
        #expect(conf.channels.count == 3)
        #expect(conf.notifications["assigned"] == ["mail", "sales-group"])
    }

    @Test("inline tables, dotted keys and quoted keys are the same as tables")
    func shapes() throws {
        let tables = try Conf.parse("[queues.slow]\nweight = 2\n[kinds.\"notify.send\"]\nmax_attempts = 4\n")
        let inline = try Conf.parse("queues = {slow = {weight = 2}}\nkinds = {'notify.send' = {max_attempts = 4}}\n")
        let dotted = try Conf.parse("queues.slow.weight = 2\nkinds.\"notify.send\".max_attempts = 4\n")
        for conf in [tables, inline, dotted] {
            #expect(conf.queues.map(\.name) == ["bulk", "critical", "default", "slow"])
            #expect(conf.queues.map(\.weight) == [1, 6, 3, 2])
            #expect(conf.kinds["notify.send"]?.maxAttempts == 4)
        }
    }

    @Test(
        "wrong keys are found on their lines in every shape",
        arguments: [
            ("queues = {slow = {weight = 0}}", 1, "queues.slow.weight"),
            ("\n[queues]\nslow = {weight = 2}\nslow2 = { a = 1 }", 4, "queues.slow2.a"),
            ("queues.slow.weight = 1\nqueues.slow.colour = 1", 2, "queues.slow.colour"),
            ("[kinds.\"notify.send\"]\n# x\ntimeout = 1", 3, "kinds.\"notify.send\".timeout"),
            ("[ kinds . 'notify.send' ] # [http]\nenable = 1", 2, "kinds.\"notify.send\".enable"),
            (
                "[schedules.s]\ncron = '@daily'\nkind = 'pool.sweep'\nargs = '''\n[http]\nlisten = 1\n'''\n", 4,
                "schedules.s.args"
            ),
            ("[http]\npublic_url = \"a # = [b]\\\" \"\nspeed = 1", 3, "http.speed"),
            (
                "[notifications.assigned]\nchannels = [\n  'a=b', # [x]\n]\nspeed = 1\n", 5,
                "notifications.assigned.speed"
            ),
        ])
    func lines(_ text: String, _ line: Int, _ key: String) {
        let problems = Conf.problems(text)
        #expect(problems.contains { $0.hasPrefix("jobs.conf:\(line): \(key) ") }, "\(problems)")
    }

    @Test("Windows line ends and a byte order mark")
    func windows() throws {
        let text = "\u{FEFF}timezone = 'UTC'\r\n[http]\r\nlisten = '0.0.0.0:80'\r\n"
        #expect(try Conf.parse(text).timezone == "UTC")
        #expect(try Conf.parse(text).http.port == 80)
        #expect(Conf.problems(text + "speed = 1\r\n") == ["jobs.conf:4: http.speed is an unknown key"])
        #expect(Conf.problems("\u{FEFF}speed = 1\r\n") == ["jobs.conf:1: speed is an unknown key"])
    }

    @Test("lease bounds are taken")
    func lease() throws {
        #expect(try Conf.parse("worker.lease = '3s'").worker.lease == .seconds(3))
        #expect(try Conf.parse("worker.lease = '5m'").worker.lease == .seconds(300))
    }

    @Test(
        "durations",
        arguments: [
            ("250ms", 250), ("15s", 15_000), ("5m", 300_000), ("2h", 7_200_000), ("90d", 7_776_000_000), ("0", 0),
            ("0s", 0), ("", nil), ("s", nil), ("5", nil), ("5 s", nil), ("-5s", nil), ("+5s", nil), ("5S", nil),
            ("1.5s", nil), ("９s", nil), ("99999999999999999d", nil), ("5sec", nil),
        ] as [(String, Int64?)])
    func durations(_ text: String, _ milliseconds: Int64?) {
        #expect(Quantity.duration(text) == milliseconds.map { .milliseconds($0) })
        if let duration = Quantity.duration(text) { #expect(Quantity.duration(duration.short) == duration) }
    }

    @Test(
        "sizes",
        arguments: [
            ("64KB", 65_536), ("200MB", 209_715_200), ("1GB", 1 << 30), ("1KiB", 1024), ("2MiB", 2 << 20), ("7B", 7),
            ("", nil), ("7", nil), ("MB", nil), ("1.5MB", nil), ("-1MB", nil), ("1TB", nil), ("9999999999999GB", nil),
        ] as [(String, Int?)])
    func sizes(_ text: String, _ bytes: Int?) {
        #expect(Quantity.size(text) == bytes)
    }
}
