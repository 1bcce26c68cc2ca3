import Channels
import Foundation
import Postgres
import TestSupport
import Testing

@testable import CRM

/// Grabbed and transferred: told to the new owner, by mail and in the group.
@Suite struct OwnerEventTests {
    private static let routes = ["grabbed": ["mail", "wecom"], "transferred": ["mail", "wecom"]]

    /// Customer 5 goes to seller 1 by a grab and to seller 2 by a manager.
    private func publish(_ lab: NotifyLab) async throws {
        try await lab.pool.transaction { tx in
            Author.set("test", in: &tx)
            _ = try tx.query(
                "INSERT INTO crm_customer (id, qq, name, pool_since) VALUES (5, '100864321', '张三', paidan.today())")
            _ = try tx.query("INSERT INTO paidan.contact (user_id, wecom_userid) VALUES (2, 'wanger')")
        }
        let desk = OwnershipDesk(pool: lab.pool, settings: PoolSettings(), publisher: lab.publisher)
        #expect(try await word(desk.grab(5, by: MoveLab.seller(1))) == "done")
        #expect(try await word(desk.transfer(5, to: 2, by: MoveLab.manager())) == "done")
    }

    @Test("each new owner has his own mail; name and the last four of the QQ, no more")
    func mails() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            try await publish(lab)
            try await lab.finish(within: .seconds(120))
            let due = try #require(
                await lab.text("SELECT to_char(paidan.today() + 3, 'MM-DD') FROM crm_customer WHERE id = 5"))
            let composer = MessageComposer(publicURL: "")
            let deliveries = try await lab.pool.transaction { tx in
                try [1, 2, 3, 4].compactMap { try DeliveryStore.lock($0, in: &tx) }
            }
            let mails = deliveries.filter { $0.channel == "mail" }.map {
                (to: $0.recipient, digest: composer.personal($0))
            }
            #expect(mails.map(\.to) == ["user:1", "user:2"])
            #expect(mails.map(\.digest.title) == ["公海领取", "客户转入"])
            #expect(
                mails.map(\.digest.headline) == [
                    "您从公海领取 1 位客户，最近到期 \(due)：张三", "为您转入 1 位客户，最近到期 \(due)：张三",
                ])
            #expect(mails.map { $0.digest.items.map(\.label) } == [["领取"], ["转入"]])
            #expect(mails.allSatisfy { $0.digest.items.map(\.qqTail) == ["4321"] })
            #expect(try await lab.story().allSatisfy { $0 == "sent" || $0 == "merged" })
        }
    }

    @Test("the group reads who has whom, and the new owner is called by name")
    func group() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            try await publish(lab)
            try await lab.finish(within: .seconds(120))
            let text = lab.provider.texts.joined(separator: "\n")
            #expect(text.contains("【领取】张三（QQ尾号4321） → 李一（"))
            #expect(text.contains("【转入】张三（QQ尾号4321） → 王二（"))
            #expect(text.contains("公海领取（共 1 条）") && text.contains("客户转入（共 1 条）"))
            #expect(!text.contains("10086"))
            let bodies = lab.provider.server.requests.map(\.text).joined()
            #expect(bodies.contains("wanger"))
        }
    }
}
