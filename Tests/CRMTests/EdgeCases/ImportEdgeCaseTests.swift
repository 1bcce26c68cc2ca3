import Postgres
import Testing

@testable import CRM

/// The edge cases of imported rows.
@Suite("Edge cases: imported rows")
struct ImportEdgeCaseTests {
    @Test("case 3: 已报名 is closed without a slot, with its 课程顾问 as a deal; 未报名 with one is his, without a slot")
    func named() async throws {
        try await ImportLab.with { lab in
            try await lab.take(
                """
                QQ,姓名,状态,课程顾问
                100001,甲,已报名,
                100002,乙,已报名,liyi
                100003,丙,未报名,wanger
                """)
            let rows = try await lab.pool.query(
                """
                SELECT concat_ws(' ', c.qq, c.pool_state, d.user_id, d.status, d.origin) FROM crm_customer c
                LEFT JOIN crm_customerdistribution d ON d.customer_id = c.id ORDER BY c.qq
                """
            ).map { try $0.text(0) }
            #expect(rows == ["100001 closed", "100002 closed 1 2 import", "100003 private 2 1 import"])
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot WHERE state = 'used'") == 0)
        }
    }

    @Test("case 5: a known QQ uses no slot and changes no owner; the report tells the state and nothing of the owner")
    func duplicate() async throws {
        try await ImportLab.with { lab in
            try await lab.take("QQ,姓名\n100001,甲\n")
            let owner = try await lab.text("SELECT consultant_id::text FROM crm_customer")
            let used = try await lab.count("SELECT count(*) FROM paidan.assign_slot WHERE state = 'used'")
            let id = try await lab.take("QQ,姓名\n100001,乙\n")
            #expect(
                try await lab.text("SELECT consultant_id::text || name FROM crm_customer") == owner.map { $0 + "甲" })
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot WHERE state = 'used'") == used)
            let row = try #require(await lab.rows(id).first)
            #expect(row.state == "duplicate" && row.errors.first?.ref == .state("private"))
            #expect(row.errors.first?.message.contains("私有") == true)
            #expect(row.errors.first?.message.contains("王二") == false)
        }
    }
}
