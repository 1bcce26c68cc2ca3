import Channels
import Postgres
import Testing

@testable import CRM

@Suite("Messages about expiry") struct ExpiryMessageTests {
    @Test("owners and managers read who, how many and why; a group's line names the seller")
    func texts() async throws {
        let routes = ["expiring": ["mail", "wecom"], "expired": ["mail"]]
        try await NotifyLab.with(routes) { lab in
            let customers = #"[{"id":1,"name":"张三","qq_last4":"4321"},{"id":2,"name":"李四","qq_last4":"8765"}]"#
            try await lab.publish([
                event("expiring", #"{"user_id":1,"count":7,"today":7,"follow":5,"deal":2,"customers":\#(customers)}"#),
                event("expired", #"{"user_id":2,"count":2,"follow":1,"deal":1,"customers":\#(customers)}"#),
                event(
                    "escalated",
                    #"{"count":8,"follow":6,"deal":2,"seller_count":12,"sellers":[{"id":1,"name":"李一","count":5,"is_away":false},{"id":2,"name":"王二","count":3,"is_away":true}]}"#
                ),
            ])
            let rows = try await lab.pool.query(
                """
                SELECT concat_ws(' ', e.type, d.channel, d.recipient_key) FROM paidan.delivery d
                JOIN paidan.event e ON e.id = d.event_id
                """
            ).map { try $0.text(0) }
            // The managers' digest goes where the owners' goes.
            #expect(
                rows.sorted() == [
                    "escalated mail account:11", "escalated mail account:12", "escalated wecom group",
                    "expired mail user:2", "expiring mail user:1", "expiring wecom group",
                ])
            let texts = try await lab.pool.transaction { tx in
                let composer = MessageComposer(publicURL: "")
                return try tx.query("SELECT id FROM paidan.delivery ORDER BY id").flatMap { row -> [String] in
                    guard let delivery = try DeliveryStore.lock(try row.int(0), in: &tx) else { return [] }
                    let digest = composer.personal(delivery)
                    let line = composer.line(delivery)
                    return [
                        digest.headline ?? "", "\(line.label) \(line.target ?? "-") \(digest.items.map(\.subject))",
                    ]
                }
            }
            for part in [
                "今天是 7 位客户的最后一天（待跟进 5，待成单 2）：张三、李四…（共7）",
                "您有 2 位客户已回到公海（未跟进 1，未成单 1）：张三、李四",
                "今天到期、尚未跟进的客户有 8 位（待跟进 6，待成单 2）：李一 5、王二 3（请假）…（共 12 人）",
                #"到期 李一 ["张三", "李四"]"#, #"回公海 王二 ["张三", "李四"]"#, "到期 - []",
            ] {
                #expect(texts.contains(part), "\(part) in \(texts)")
            }
        }
    }

    @Test(
        "what is due in the days ahead is said apart from today's",
        arguments: [
            (3, 3, "今天是 3 位客户的最后一天"), (3, 1, "3 位客户即将到期，最近 05-22，其中 1 位今天是最后一天"),
            (3, 0, "3 位客户即将到期，最近 05-22"),
        ])
    func ahead(count: Int, today: Int, text: String) throws {
        var payload = MessageComposer.Payload()
        payload.count = count
        payload.today = today
        payload.firstExpiry = "2018-05-22"
        #expect(MessageComposer.expirySentence("expiring", payload).hasPrefix(text + "（待跟进"))
    }

    private func event(_ type: String, _ payload: String) -> NewEvent {
        NewEvent(type: type, subject: "user:1", dedupeKey: type, payload: Array(payload.utf8))
    }
}
