import Channels
import Foundation
import Jobs
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite struct GroupTests {
    /// Names in the order in which the group read them.
    private static func read(_ texts: [String], _ names: [String]) -> [String] {
        texts.flatMap { text in
            text.split(separator: "\n").compactMap { line in names.first { line.contains("】\($0)（") } }
        }
    }

    @Test("one that is alone waits 5 s for company, then goes by itself")
    func single() async throws {
        try await NotifyLab.with { lab in
            try await lab.assign(["张三"])
            let delivery = try #require(await lab.openJobs().first).delivery
            let outcome = try await lab.run(delivery)
            guard case .snooze(let wait) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(wait > .seconds(4) && wait <= .seconds(5))
            #expect(lab.provider.texts.isEmpty)
            try await lab.advance(.seconds(5))
            #expect(try await lab.run(delivery) == .done(result: Array("{\"state\":\"sent\"}".utf8)))
            #expect(lab.provider.texts.count == 1)
            let text = try #require(lab.provider.texts.first)
            #expect(text.hasPrefix("**线索分配（共 1 条）**\n1. 【分配】张三（QQ尾号4321） → 李一（"))
        }
    }

    @Test("what waits becomes one message: every item in it once, in order, and a delivery of its own")
    func digest() async throws {
        try await NotifyLab.with { lab in
            let names = (1...12).map { "客户\($0)号" }
            try await lab.assign(names)
            try await lab.advance(.seconds(5))
            #expect(try await lab.round().allSatisfy { if case .done = $0 { true } else { false } })
            #expect(lab.provider.texts.count == 1)
            #expect(lab.provider.texts[0].hasPrefix("**线索分配（共 12 条）**"))
            #expect(Self.read(lab.provider.texts, names) == names)
            #expect(try await lab.story() == ["sent"] + Array(repeating: "merged", count: 11))
            #expect(try await lab.count("SELECT count(*) FROM paidan.delivery WHERE merged_into = 1") == 11)
            #expect(try await lab.count("SELECT count(*) FROM paidan.send_log") == 1)
            #expect(try await lab.openJobs().isEmpty)
        }
    }

    @Test(
        "too many for one message: several, a second apart, none twice and none left out", arguments: ["wecom", "ding"])
    func several(_ channel: String) async throws {
        try await NotifyLab.with(["assigned": [channel]]) { lab in
            // Marks that grow when they are escaped, so that fewer fit than their bytes tell.
            let names = (1...200).map { "*#_[]!*#_[]!客户\($0)号" }
            try await lab.assign(names)
            try await lab.finish(within: .seconds(600))
            let texts = lab.provider.texts
            #expect(texts.count > 1)
            let numbers = texts.flatMap { text in
                text.split(separator: "\n").compactMap { line -> Int? in
                    guard let start = line.range(of: "客户"), let end = line.range(of: "号（QQ") else { return nil }
                    return Int(line[start.upperBound..<end.lowerBound])
                }
            }
            #expect(numbers == Array(1...200))
            let limit = channel == "wecom" ? 4096 : 20_000
            #expect(lab.provider.server.requests.allSatisfy { $0.body.count <= limit + 200 })
            let story = try await lab.story()
            #expect(story.filter { $0 == "sent" }.count == texts.count)
            #expect(story.filter { $0 == "merged" }.count == 200 - texts.count)
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM (SELECT sent_at - lag(sent_at) OVER (ORDER BY sent_at) AS gap FROM paidan.send_log) g
                    WHERE gap < interval '1 second'
                    """) == 0)
        }
    }

    @Test("18 in a sliding minute: what others sent counts, and the next goes when the oldest is a minute old")
    func window() async throws {
        try await NotifyLab.with { lab in
            let key = try #require(lab.channels.withLock { $0["wecom"]?.keyFingerprint })
            for age in 0..<18 {
                let at = lab.now - 40_000 + Int64(age) * 1000
                _ = try await lab.pool.query(
                    "INSERT INTO paidan.send_log (channel_key, sent_at) VALUES (\(key), to_timestamp(\(at)::float8 / 1000))"
                )
            }
            try await lab.assign(["张三", "李四"])
            try await lab.advance(.seconds(5))
            let outcome = try await lab.run(1)
            guard case .snooze(let wait) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(wait > .seconds(13) && wait <= .seconds(15))
            // The one behind looks a little later.
            guard case .snooze(let later) = try await lab.run(2) else { return }
            #expect(later > wait && later < wait + .seconds(1))
            #expect(lab.provider.texts.isEmpty)
            try await lab.advance(wait)
            _ = try await lab.run(1)
            #expect(lab.provider.texts.count == 1)
            #expect(try await lab.story() == ["sent", "merged"])
        }
    }

    @Test(
        "over the provider's limit: a pause for all with this key, no attempt spent",
        arguments: [(45009, "wecom", 65), (130101, "ding", 610)])
    func pause(_ code: Int, _ channel: String, _ seconds: Int) async throws {
        try await NotifyLab.with(["assigned": [channel]]) { lab in
            lab.provider.errcode(code)
            try await lab.assign(["张三"])
            try await lab.advance(.seconds(5))
            _ = try await lab.run(1)
            #expect(try await lab.story() == ["retry \(code)"])
            #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == 0)
            try await lab.assign(["李四", "王五"])
            try await lab.advance(.seconds(seconds - 10))
            try await lab.round()
            #expect(lab.provider.texts.count == 1)
            try await lab.advance(.seconds(11))
            try await lab.finish(within: .seconds(60))
            #expect(try await lab.story() == ["sent", "sent", "merged"])
            #expect(lab.provider.texts.count == 3)
            // The first one's bytes are those of its first attempt.
            #expect(lab.provider.server.requests[0].body == lab.provider.server.requests[1].body)
        }
    }

    @Test("a refused digest is cut until the item at fault is alone; the others arrive, each once")
    func bisect() async throws {
        try await NotifyLab.with { lab in
            lab.provider.answers { $0.contains("毒") ? .json("{\"errcode\":40058,\"errmsg\":\"no\"}") : nil }
            let names = (1...11).map { $0 == 7 ? "毒药" : "客户\($0)号" }
            try await lab.assign(names)
            try await lab.finish(within: .seconds(600))
            let taken = lab.provider.texts.filter { !$0.contains("毒") }
            #expect(Self.read(taken, names).sorted() == names.filter { $0 != "毒药" }.sorted())
            let dead = try await lab.pool.query(
                """
                SELECT e.payload -> 'customers' -> 0 ->> 'name' FROM paidan.delivery d JOIN paidan.event e ON e.id = d.event_id
                WHERE d.status = 'dead'
                """
            ).map { try $0.text(0) }
            #expect(dead == ["毒药"])
            #expect(
                try await lab.count(
                    "SELECT count(*) FROM paidan.delivery WHERE status NOT IN ('sent', 'merged', 'dead')") == 0)
            #expect(
                try await lab.count(
                    "SELECT count(*) FROM paidan.delivery WHERE merged_into IN (SELECT id FROM paidan.delivery WHERE status = 'dead')"
                ) == 0)
        }
    }

    @Test("no_capacity is urgent: at once, alone, before what waits; kinds are not mixed")
    func urgent() async throws {
        try await NotifyLab.with(["assigned": ["wecom"], "no_capacity": ["wecom"]]) { lab in
            try await lab.assign(["张三", "李四"])
            try await lab.publish([NotifyLab.noCapacity()])
            try await lab.run(1)
            #expect(lab.provider.texts.count == 1)
            #expect(lab.provider.texts.first?.hasPrefix("**无人可分配（共 1 条）**\n1. 【告警】有 7 位客户等待分配") == true)
            try await lab.finish(within: .seconds(60))
            #expect(lab.provider.texts.count == 2)
            #expect(try await lab.story() == ["sent", "merged", "sent"])
        }
    }

    @Test("sellers who can be alerted in the group are")
    func mentions() async throws {
        try await NotifyLab.with { lab in
            _ = try await lab.pool.query(
                "INSERT INTO paidan.contact (user_id, wecom_userid) VALUES (1, 'liyi'), (2, NULL)")
            try await lab.publish([NotifyLab.assigned("张三"), NotifyLab.assigned("李四", to: 2), NotifyLab.assigned("王五")])
            try await lab.finish(within: .seconds(60))
            let text = try #require(lab.provider.server.requests.first?.text)
            #expect(text.contains("\"mentioned_list\":[\"liyi\"]") && text.contains("\"msgtype\":\"text\""))
            #expect(lab.provider.texts.count == 1)
        }
    }

    @Test("many workers on one group at the same moment send no item twice and leave none", .timeLimit(.minutes(1)))
    func crowd() async throws {
        try await NotifyLab.with { lab in
            let names = (1...60).map { "客户\($0)号" }
            try await lab.assign(names)
            try await lab.advance(.seconds(5))
            for _ in 0..<20 where try await !lab.openJobs().isEmpty {
                let open = try await lab.openJobs()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (job, delivery) in open { group.addTask { _ = try await lab.job.run(job, delivery) } }
                    try await group.waitForAll()
                }
                try await lab.advance(.seconds(10))
            }
            #expect(Self.read(lab.provider.texts, names) == names)
            #expect(
                try await lab.count("SELECT count(*) FROM paidan.delivery WHERE status NOT IN ('sent', 'merged')") == 0)
        }
    }

    @Test("a payload that is not as expected holds up no other")
    func oddPayload() async throws {
        try await NotifyLab.with { lab in
            try await lab.publish([
                NewEvent(type: "assigned", subject: "x", dedupeKey: "x", payload: Array("{\"count\":\"many\"}".utf8)),
                NotifyLab.assigned("张三"),
            ])
            try await lab.finish(within: .seconds(60))
            #expect(lab.provider.texts.count == 1 && lab.provider.texts.first?.contains("张三") == true)
        }
    }
}
