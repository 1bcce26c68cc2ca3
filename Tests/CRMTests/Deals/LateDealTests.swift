import Postgres
import Testing

@testable import CRM

@Suite("Late deals") struct LateDealTests {
    private func lost(_ lab: DealLab) async throws -> Int {
        try await lab.at("2018-05-19 10:00")
        let id = try await lab.customer(of: 1)
        try await lab.at("2018-05-30 10:00")
        return id
    }

    @Test("a second row in the name of who lost it; the expired one stays")
    func late() async throws {
        try await DealLab.with { lab in
            let id = try await lost(lab)
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "expired")
            guard case .done(let view) = try await lab.desk.deal(id, isLate: true, by: lab.manager) else {
                Issue.record("refused")
                return
            }
            #expect(view.poolState == "closed" && view.consultantID == "1" && view.poolSince == nil)
            #expect(
                try await lab.state(id)
                    == "closed 1 2018-05-19 2018-05-19 - | 1:3:self:2018-05-23 1:2:manual:2018-05-30")
            #expect(try await lab.audit(id) == ["customer.late_deal user:9"])
            #expect(
                try await lab.text(
                    "SELECT after ->> 'user_id' FROM paidan.audit_log WHERE action = 'customer.late_deal'") == "1")
            #expect(try await lab.student(id)?.hasSuffix(" 2018-05-30") == true)
            // Its seller is told that it is closed, whoever reported it.
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "closed")
            #expect(try await lab.desk.deal(id, isLate: true, by: lab.manager).word == "not_owner")
        }
    }

    @Test("swept or not, it is the same")
    func swept() async throws {
        try await DealLab.with { lab in
            let id = try await lost(lab)
            #expect(try await lab.desk.deal(id, isLate: true, by: lab.manager).word == "done")
            #expect(try await lab.state(id).hasSuffix("1:3:self:2018-05-23 1:2:manual:2018-05-30"))
        }
    }

    @Test("only who may report late, though he be the owner on time")
    func permission() async throws {
        try await DealLab.with { lab in
            let id = try await lost(lab)
            let mine = try await lab.customer(of: 1)
            for caller in [lab.seller(1), lab.seller(2, codes: ["customer.all"])] {
                await #expect(throws: NotPermitted.self) { try await lab.desk.deal(id, isLate: true, by: caller) }
                await #expect(throws: NotPermitted.self) { try await lab.desk.deal(mine, isLate: true, by: caller) }
            }
            let trusted = lab.seller(1, codes: ["customer.late"])
            #expect(try await lab.desk.deal(mine, isLate: true, by: trusted).word == "done")
            #expect(try await lab.state(mine).hasSuffix("1:2:self:2018-05-30"))
            #expect(try await lab.audit(mine) == ["customer.deal user:101"])
        }
    }

    @Test("the grabber who has it since keeps it")
    func taken() async throws {
        try await DealLab.with { lab in
            let id = try await lost(lab)
            #expect(try await lab.desk.grab(id, by: lab.seller(2)).word == "done")
            #expect(try await lab.desk.deal(id, isLate: true, by: lab.manager).word == "not_owner")
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "not_owner")
            #expect(try await lab.desk.deal(id, by: lab.seller(2)).word == "done")
            #expect(try await lab.state(id).hasSuffix("1:3:self:2018-05-23 2:2:grab:2018-05-30"))
        }
    }

    @Test("nothing that expired: pending, or given back")
    func state() async throws {
        try await DealLab.with { lab in
            let pending = try await lab.customer(of: nil)
            let released = try await lab.customer(of: 1)
            try await lab.service { tx in
                try OwnershipStore.end(released, .released, in: &tx)
                try OwnershipStore.free(released, in: &tx)
            }
            #expect(try await lab.desk.deal(pending, isLate: true, by: lab.manager).word == "not_owner")
            #expect(try await lab.desk.deal(released, isLate: true, by: lab.manager).word == "not_owner")
        }
    }
}
