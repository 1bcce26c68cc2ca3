import Curl
import Foundation
import Observability
import TestSupport
import Testing

@testable import Channels

@Suite struct RobotBodyTests {
    @Test("WeCom: the wording of a digest, as markdown with sorted keys and raw UTF-8")
    func wecomMarkdown() throws {
        let item = Digest.Item(delivery: 1, label: "分配", subject: "示例客户", target: "张三", time: "09:31")
        let body = try wecom("http://127.0.0.1:1").bodies(for: digest([item, item], link: nil), to: .group)
        let line = "【分配】示例客户 → 张三（09:31）"
        let expected = #"{"markdown":{"content":"**线索分配（共 2 条）**\n1. \#(line)\n2. \#(line)"},"msgtype":"markdown"}"#
        #expect(body.map { String(decoding: $0.bytes, as: UTF8.self) } == [expected])
        #expect(body[0].items == 0..<2)
    }

    @Test("WeCom: who is to be mentioned makes it text, inside text, in the first message only")
    func wecomMentions() throws {
        let mentions = [
            Digest.Mention(mobile: "13800001111"), Digest.Mention(mobile: "13800001112", wecomUserID: "zhangsan"),
        ]
        let bodies = try wecom("http://127.0.0.1:1").bodies(for: digest(items(100), mentions: mentions), to: .group)
        #expect(bodies.count > 1)
        for (index, body) in bodies.enumerated() {
            let all = try object(body)
            #expect(all["msgtype"] as? String == "text")
            #expect(Set(all.keys) == ["msgtype", "text"])
            let text = try #require(all["text"] as? [String: Any])
            #expect(text["mentioned_list"] as? [String] == (index == 0 ? ["zhangsan"] : nil))
            #expect(text["mentioned_mobile_list"] as? [String] == (index == 0 ? ["13800001111"] : nil))
        }
    }

    @Test("every item is named whole in exactly one message within the budget", arguments: [0, 1, 2, 37, 300, 1000])
    func splits(_ count: Int) throws {
        let long = items(count) { "客户👨‍👩‍👧‍👦\($0)" + String(repeating: "长", count: $0 % 40) }
        let mention = [Digest.Mention(wecomUserID: "zhangsan")]
        let wecom = try wecom("http://127.0.0.1:1")
        let ding = try dingtalk("http://127.0.0.1:1", keywords: ["线索"])
        let all: [([FrozenBody], (FrozenBody) throws -> Int, Int, String)] = [
            (wecom.bodies(for: digest(long), to: .group), { try text($0).utf8.count }, 4000, "content"),
            (
                wecom.bodies(for: digest(long, mentions: mention), to: .group), { try text($0).utf8.count }, 2000,
                "content"
            ),
            (ding.bodies(for: digest(long), to: .group), { $0.bytes.count }, 18_000, "text"),
        ]
        for (bodies, size, budget, field) in all {
            #expect(!bodies.isEmpty)
            #expect(bodies.flatMap(\.items) == Array(0..<count))
            for body in bodies { #expect(try size(body) <= budget) }
            var lines: [Int: [(body: Int, line: Substring)]] = [:]
            for (index, body) in bodies.enumerated() {
                for line in try text(body, field).split(separator: "\n") {
                    guard let number = Int(line.prefix { $0 != "." }) else { continue }
                    lines[number, default: []].append((index, line))
                }
            }
            #expect(lines.count == count)
            for (index, item) in long.enumerated() {
                let named = try #require(lines[index + 1])
                #expect(named.count == 1 && bodies[named[0].body].items.contains(index))
                #expect(named[0].line.hasPrefix("\(index + 1). 【分配】\(item.subject)（QQ"))
            }
        }
    }

    @Test("the same digest gives the same bytes")
    func deterministic() throws {
        for channel in [try wecom("http://127.0.0.1:1"), try dingtalk("http://127.0.0.1:1")] as [any Channel] {
            let one = channel.bodies(for: digest(items(300)), to: .group)
            #expect(one == channel.bodies(for: digest(items(300)), to: .group))
        }
    }

    @Test(
        "what people typed can neither mention, link, format nor break lines",
        arguments: [
            "<@all>", "[x](http://evil)", "a\r\nb", "@13800001111", "**粗**", "`code`", "# 标题",
            "![i](http://evil/i.png)",
            "<font color=\"warning\">", "\u{202E}倒", "a\u{2028}b", "www.evil.cn", "\"},\"at\":{\"isAtAll\":true}",
            "<\u{0301}@all>",
        ])
    func escapes(_ name: String) throws {
        let hostile = [
            Digest.Item(delivery: 1, label: "分配", subject: name, qq: name, target: name, time: name)
        ]
        var all = digest(hostile, link: nil)
        all.title = name
        let robot = try wecom("http://127.0.0.1:1")
        all.mentions = [Digest.Mention(wecomUserID: "zhangsan")]
        let plain = try text(robot.bodies(for: all, to: .group)[0])
        all.mentions = []
        let markdown = try text(robot.bodies(for: all, to: .group)[0])
        let ding = try dingtalk("http://127.0.0.1:1").bodies(for: all, to: .group)[0]
        let dingText = try text(ding, "text")
        for message in [plain, markdown, dingText] {
            #expect(!message.unicodeScalars.contains("<"))
            #expect(!message.contains("http://") && !message.lowercased().contains("www."))
            #expect(message == plain || !message.contains("]("))
            #expect(!message.unicodeScalars.contains { [0x0D, 0x2028, 0x202E].contains($0.value) })
            #expect(message.split(separator: "\n").count == 2)
        }
        #expect(!dingText.contains("@"))
        #expect((try object(ding)["at"] as? [String: Any])?["isAtAll"] as? Bool == false)
        #expect(markdown.filter { $0 == "*" }.count == 4)
        #expect(!markdown.contains("`") && !markdown.contains("#"))
    }

    @Test("of a QQ number at most the last 4 leave")
    func qq() throws {
        let body = try wecom("http://127.0.0.1:1").bodies(for: digest(items(1)), to: .group)[0]
        let content = try text(body)
        #expect(content.contains("（QQ尾号1000）"))
        #expect(!content.contains("100861000"))
    }

    @Test("DingTalk: title, at and the @ in the text")
    func dingtalkMentions() throws {
        let mentions = [Digest.Mention(mobile: "13800001111"), Digest.Mention(dingtalkUserID: "user123")]
        let body = try dingtalk("http://127.0.0.1:1").bodies(for: digest(items(1), mentions: mentions), to: .group)[0]
        let at = try #require(try object(body)["at"] as? [String: Any])
        #expect(at["atMobiles"] as? [String] == ["13800001111"])
        #expect(at["atUserIds"] as? [String] == ["user123"])
        #expect(try text(body, "title") == "线索分配")
        #expect(try text(body, "text").hasSuffix("@13800001111 @user123"))
    }

    @Test("DingTalk: a keyword is added only in keyword mode and only if none is there")
    func keywords() throws {
        func content(_ secret: String?, _ keywords: [String]) throws -> String {
            let robot = try dingtalk("http://127.0.0.1:1", secret: secret, keywords: keywords)
            return try text(robot.bodies(for: digest(items(1), link: nil), to: .group)[0], "text")
        }
        #expect(try content(nil, ["通知", "提醒"]).hasSuffix(" 【通知】"))
        #expect(try !content(nil, ["通知", "线索"]).contains("通知"))
        #expect(try !content(dingtalkSecret, ["通知"]).contains("通知"))
    }

    @Test("a text is cut between graphemes, by bytes")
    func truncates() {
        #expect(String(repeating: "中", count: 2000).truncated(toBytes: 2048).utf8.count == 2046)
        #expect("👨‍👩‍👧‍👦👨‍👩‍👧‍👦".truncated(toBytes: 49) == "👨‍👩‍👧‍👦…")
        #expect("abc".truncated(toBytes: 3) == "abc")
        #expect("abcd".truncated(toBytes: 2) == "")
    }

    @Test("the one line of a person's digest")
    func headline() {
        let names = ["张三", "李四", "王五", "赵六", "孙七", "周八", "吴九"]
        #expect(
            DigestText.assigned(batch: 12, firstExpiry: "05-22", names: names)
                == "批次#12：为您分配 7 位客户，最近到期 05-22：张三、李四…（共7）")
        #expect(DigestText.assigned(batch: nil, firstExpiry: nil, names: ["张三"]) == "为您分配 1 位客户：张三")
    }
}
