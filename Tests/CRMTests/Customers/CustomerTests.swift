import Postgres
import Testing

@testable import CRM

@Suite("Customers entered singly")
struct CustomerTests {
    private func input(_ json: String) throws -> CustomerInput { try CustomerInput(json: Array(json.utf8)) }

    @Test("auto: pending with an assignment job; the view has every column")
    func auto() async throws {
        try await ImportLab.with { lab in
            let body = try input(
                #"{"qq": 100001, "name": "甲", "gender": "女", "course": [1, "Linux"], "source": "QQ群", "memo": "记"}"#)
            guard case .created(let made) = try await lab.customers.create(body, seller: nil, actor: "user:1") else {
                Issue.record("not created")
                return
            }
            #expect(made.poolState == "pending" && made.gender == 2 && made.course == ["1", "2"] && made.source == 1)
            #expect(made.consultantID == nil && made.expiresOn == nil && made.version == 1)
            try await lab.assign()
            let id = try #require(Int(made.id))
            let view = try #require(await lab.customers.view(id))
            let today = try #require(await lab.text("SELECT paidan.today()::text").flatMap { Day($0) })
            #expect(view.poolState == "private" && view.consultantID == "2")
            #expect(view.followDueOn == Day(number: today.number + 3).description)
            #expect(view.dealDueOn == Day(number: today.number + 15).description)
            #expect(view.expiresOn == Day(number: today.number + 4).description)
        }
    }

    @Test("self: private at once, origin self, no slot")
    func own() async throws {
        try await ImportLab.with { lab in
            let body = try input(#"{"qq": "100001", "name": "甲", "assign": "self"}"#)
            guard case .created(let made) = try await lab.customers.create(body, seller: 3, actor: "user:3") else {
                Issue.record("not created")
                return
            }
            #expect(made.poolState == "private" && made.consultantID == "3")
            #expect(try await lab.text("SELECT origin || user_id FROM crm_customerdistribution") == "self3")
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot") == 0)
            #expect(try await lab.count("SELECT count(*) FROM paidan.outbox") == 0)
            guard case .invalid(let problems) = try await lab.customers.create(body, seller: nil, actor: "user:9")
            else {
                Issue.record("taken without a seller")
                return
            }
            #expect(problems.map(\.pointer) == ["/assign"])
        }
    }

    @Test("a known QQ is a duplicate and changes nothing; every wrong field is named")
    func refused() async throws {
        try await ImportLab.with { lab in
            let good = try input(#"{"qq": "100001", "name": "甲"}"#)
            _ = try await lab.customers.create(good, seller: nil, actor: "user:1")
            #expect(try await lab.customers.create(good, seller: nil, actor: "user:1") == .duplicate(state: "pending"))
            let bad = try input(
                #"{"qq": "c", "education": 9, "colour": "red", "course": ["Go"], "referral": "999999"}"#)
            guard case .invalid(let problems) = try await lab.customers.create(bad, seller: nil, actor: "user:1") else {
                Issue.record("taken")
                return
            }
            #expect(
                Set(problems.map { "\($0.pointer) \($0.code)" }) == [
                    "/qq E_QQ_FORMAT", "/name E_REQUIRED", "/education E_CHOICE", "/colour unknown_field",
                    "/course/0 E_COURSE", "/referral E_REFERRAL",
                ])
            #expect(try await lab.count("SELECT count(*) FROM crm_customer") == 1)
            let sample = try input(#"{"qq": "100002", "name": "（示例行请自行删除）"}"#)
            guard case .invalid(let problems) = try await lab.customers.create(sample, seller: nil, actor: "user:1")
            else {
                Issue.record("taken")
                return
            }
            #expect(problems.map(\.code) == ["W_SAMPLE_ROW"])
        }
    }

    @Test("an overdue customer that no sweep has met reads public since the day it expired")
    func overdue() async throws {
        try await ImportLab.with { lab in
            _ = try await lab.pool.query(
                """
                INSERT INTO crm_customer (id, qq, name, consultant_id, recv_date, last_consult_date)
                VALUES (77, '100077', '过', 1, paidan.today() - 10, paidan.today() - 6)
                """)
            let view = try #require(await lab.customers.view(77))
            #expect(view.poolState == "public" && view.consultantID == nil && view.expiresOn == nil)
            #expect(try await lab.text("SELECT (paidan.today() - 2)::text") == view.poolSince)
            #expect(try await lab.customers.view(78) == nil)
        }
    }
}
