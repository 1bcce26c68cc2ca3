import Postgres
import Testing

@testable import CRM

/// Stories of one day, with a database: what the desk writes is told when it happened.
@Suite("Explain: many things on one day")
struct ExplainDayTests {
    /// `09:00:10 what it is [user]`, without what holds now.
    private func told(_ lab: DealLab, _ id: Int, since day: String = "2018-05-19") async throws -> [String] {
        let story = try #require(try await ExplainStore(pool: lab.pool).story(id))
        var lines: [String] = []
        for fact in story.facts where !fact.source.hasPrefix("paidan.setting") {
            let time = try await lab.text(
                """
                SELECT CASE WHEN (t.at)::date = \(day)::date THEN to_char(t.at, 'HH24:MI:SS') ELSE t.at::date::text END
                FROM (SELECT to_timestamp(\(fact.at)::bigint / 1000.0) AT TIME ZONE 'Asia/Shanghai' AS at) t
                """)
            lines.append("\(time ?? "") \(fact.what)" + (fact.user.map { " [\($0)]" } ?? ""))
        }
        return lines
    }

    /// Seller 1 logs in with the account 101, who is nobody in `crm_userinfo`.
    private func accounts(_ lab: DealLab) async throws {
        try await lab.service { tx in
            _ = try tx.query("INSERT INTO rbac_user (id, username) VALUES (101, 'jia')")
            _ = try tx.query("UPDATE crm_userinfo SET auth_id = 101 WHERE id = 1")
        }
    }

    @Test("entered, two notes, a deal, opened again, a deal, opened again: each at its moment, in the order of time")
    func twoDeals() async throws {
        try await DealLab.with { lab in
            try await accounts(lab)
            try await lab.at("2018-05-19 10:00:00")
            let input = try CustomerInput(json: Array(#"{"qq": "10001", "name": "甲", "assign": "self"}"#.utf8))
            let entered = try await lab.customers.create(input, seller: 1, actor: "user:101")
            guard case .created(let made) = entered, let id = Int(made.id) else {
                Issue.record("\(entered)")
                return
            }
            for second in ["05", "10"] {
                try await lab.at("2018-05-19 10:00:\(second)")
                _ = try await lab.desk.followUp(id, note: "聊过", by: lab.seller(1))
            }
            for second in [15, 25] {
                try await lab.at("2018-05-19 10:00:\(second)")
                #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "done")
                try await lab.at("2018-05-19 10:00:\(second + 5)")
                #expect(try await lab.desk.reopen(id, by: lab.manager).word == "done")
            }
            let lines = try await told(lab, id).filter { $0.hasPrefix("10:00:") && !$0.contains("归销售") }
            #expect(
                lines == [
                    "10:00:00 用户 101录入客户 [1]",
                    "10:00:00 销售 1 开始跟进（自己录入） [1]",
                    "10:00:05 用户 101写跟进记录 [1]",
                    "10:00:05 销售 1 写了跟进记录，跟进期限从 2018-05-19 重新计算 [1]",
                    "10:00:10 用户 101写跟进记录 [1]",
                    "10:00:10 销售 1 写了跟进记录，跟进期限从 2018-05-19 重新计算 [1]",
                    "10:00:15 用户 101报成单 [1]",
                    "10:00:15 销售 1 成单，跟进结束（2） [1]",
                    "10:00:15 报名，建立学员档案",
                    "10:00:20 用户 9重新打开客户，交给销售 1 [1]",
                    "10:00:20 销售 1 开始跟进（由主管指定） [1]",
                    "10:00:25 用户 101报成单 [1]",
                    "10:00:25 销售 1 成单，跟进结束（2） [1]",
                    "10:00:30 用户 9重新打开客户，交给销售 1 [1]",
                    "10:00:30 销售 1 开始跟进（由主管指定） [1]",
                ])
        }
    }

    @Test("handed to and fro between two sellers within a minute, and into the pool and out again")
    func toAndFro() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-19 10:00:00")
            let id = try await lab.customer(of: 1)
            for (second, seller) in [(10, 2), (20, 1), (30, 2)] {
                try await lab.at("2018-05-19 10:00:\(second)")
                #expect(try await lab.desk.transfer(id, to: seller, by: lab.manager).word == "done")
            }
            try await lab.at("2018-05-19 10:00:40")
            #expect(try await lab.desk.release(id, reason: "不合适", by: lab.seller(2)).word == "done")
            try await lab.at("2018-05-19 10:00:50")
            #expect(try await lab.desk.grab(id, by: lab.seller(3)).word == "done")
            let lines = try await told(lab, id).filter {
                $0.contains("被转出") || $0.contains("开始") || $0.contains("退回公海（")
            }
            // How it came to its first seller has no record of its own.
            #expect(
                lines.dropFirst() == [
                    "10:00:10 销售 1 被转出（5） [1]", "10:00:10 销售 2 开始跟进（由主管指定） [2]",
                    "10:00:20 销售 2 被转出（5） [2]", "10:00:20 销售 1 开始跟进（由主管指定） [1]",
                    "10:00:30 销售 1 被转出（5） [1]", "10:00:30 销售 2 开始跟进（由主管指定） [2]",
                    "10:00:40 销售 2 主动退回公海（6）：不合适 [2]", "10:00:50 销售 3 开始跟进（从公海抢入） [3]",
                ])
        }
    }

    @Test("a late deal is told as that alone, whether the desk or a page made its row", arguments: [true, false])
    func lateDeal(_ isPage: Bool) async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-10 09:00:00")
            let id = try await lab.customer(of: 1)
            try await lab.at("2018-05-19 11:00:00")
            if isPage {
                _ = try await lab.pool.query("UPDATE crm_customer SET status = 1 WHERE id = \(id)::bigint")
            } else {
                #expect(try await lab.desk.deal(id, isLate: true, by: lab.manager).word == "done")
            }
            let lines = try await told(lab, id)
            #expect(lines.contains("11:00:00 销售 1 在期限过后补报成单（2） [1]"), "\(lines)")
            #expect(!lines.contains { $0.contains("由主管指定") })
            #expect(!lines.contains { $0.contains("成单，跟进结束") })
            #expect(lines.contains("11:00:00 报名，建立学员档案") || isPage)
            #expect(lines.filter { $0.contains("回到公海（3）") }.count == 1)
        }
    }

    @Test("last_owner, overdue and not swept: only who lost it just now is barred, until the days are over")
    func lastOwner() async throws {
        try await DealLab.with { lab in
            try await lab.service { tx in
                _ = try tx.query(
                    """
                    INSERT INTO paidan.setting (name, value) VALUES ('former_owner', 'last_owner'), ('cooldown_days', '0')
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value
                    """)
            }
            func barred(_ id: Int) async throws -> [String] {
                let story = try await ExplainStore(pool: lab.pool).story(id)
                #expect(story?.state == "public")
                return story?.facts.filter { $0.what.contains("不能再抢这位客户") }.map { "\($0.user ?? 0)" } ?? []
            }
            try await lab.at("2018-05-10 09:00:00")
            let id = try await lab.customer(of: 1)
            try await lab.at("2018-05-19 09:00:00")
            #expect(try await lab.desk.grab(id, by: lab.seller(2)).word == "done")
            // Seller 2 loses it on 2018-05-23; what seller 1 lost before counts no more.
            try await lab.at("2018-05-30 09:00:00")
            #expect(try await barred(id) == ["2"])
            try await lab.service { tx in
                _ = try tx.query("UPDATE paidan.setting SET value = '7' WHERE name = 'cooldown_days'")
            }
            try await lab.at("2018-05-29 23:59:59")
            #expect(try await barred(id) == ["2"])
            try await lab.at("2018-05-30 00:00:00")
            #expect(try await barred(id) == [])
            try await lab.service { tx in
                _ = try tx.query("UPDATE paidan.setting SET value = 'any_former' WHERE name = 'former_owner'")
            }
            #expect(try await barred(id).sorted() == ["1", "2"])
        }
    }
}
