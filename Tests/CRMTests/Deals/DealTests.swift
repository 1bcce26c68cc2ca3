import Postgres
import Testing

@testable import CRM

@Suite("Deals") struct DealTests {
    @Test("by its owner: closed in his name, enrolled, on record")
    func onTime() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-19 10:00")
            let id = try await lab.customer(of: 1, qq: "7654321")
            try await lab.at("2018-05-20 10:00")
            guard case .done(let view) = try await lab.desk.deal(id, by: lab.seller(1)) else {
                Issue.record("refused")
                return
            }
            #expect(view.poolState == "closed" && view.status == 1 && view.consultantID == "1")
            #expect(view.expiresOn == nil && view.poolSince == nil && view.protectedUntil == nil && view.version == 3)
            #expect(try await lab.state(id) == "closed 1 2018-05-19 2018-05-19 - | 1:2:self:2018-05-20")
            #expect(try await lab.student(id) == "7654321 2018-05-20")
            #expect(try await lab.audit(id) == ["customer.deal user:101"])
            let record = try await lab.text(
                "SELECT before || after FROM paidan.audit_log WHERE action = 'customer.deal'")
            #expect(record?.contains("\"status\": 1") == true && record?.contains("\"user_id\": 1") == true)
            // A second one says so, and changes nothing.
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "closed")
            #expect(try await lab.desk.deal(id, by: lab.seller(2)).word == "not_owner")
            #expect(try await lab.count("SELECT count(*) FROM crm_student") == 1)
        }
    }

    @Test("the student's password is one that Django takes for unusable, another for each")
    func password() async throws {
        try await DealLab.with { lab in
            for qq in ["1234567", String(repeating: "长", count: 40)] {
                let id = try await lab.customer(of: 1, qq: qq)
                #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "done")
            }
            let rows = try await lab.pool.query("SELECT password, username FROM crm_student ORDER BY id")
            let passwords = try rows.map { try $0.text(0) }
            for password in passwords { #expect(password.wholeMatch(of: /![0-9a-f]{40}/) != nil) }
            #expect(Set(passwords).count == 2)
            #expect(try rows.map { try $0.text(1) } == ["1234567", String(repeating: "长", count: 32)])
        }
    }

    @Test("of a page's customer whose distribution is not there yet: the deal has its row all the same")
    func pageWithoutDistribution() async throws {
        try await DealLab.with { lab in
            let id = try await lab.count(
                "INSERT INTO crm_customer (qq, name, consultant_id) VALUES ('1234567', '客户', 1) RETURNING id")
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "done")
            #expect(try await lab.state(id).hasSuffix("1:2:crm:" + (lab.text("SELECT paidan.today()") ?? "")))
        }
    }

    @Test(
        "the last moment of the last day counts, the first of the next does not",
        arguments: [
            ("2018-05-19", "2018-05-22", "2018-05-23", 3), ("2024-02-26", "2024-02-29", "2024-03-01", 3),
            ("2025-12-30", "2026-01-02", "2026-01-03", 3), ("2023-02-25", "2023-02-28", "2023-03-01", 3),
        ])
    func lastDay(_ received: String, _ last: String, _ over: String, _ status: Int) async throws {
        try await DealLab.with { lab in
            try await lab.at(received + " 00:00:00")
            let signed = try await lab.customer(of: 1)
            let lost = try await lab.customer(of: 1)
            try await lab.at(last + " 23:59:59.999")
            #expect(try await lab.desk.deal(signed, by: lab.seller(1)).word == "done")
            #expect(try await lab.state(signed) == "closed 1 \(received) \(received) - | 1:2:self:\(last)")
            try await lab.at(over + " 00:00:00")
            #expect(try await lab.desk.deal(lost, by: lab.seller(1)).word == "expired")
            // The refusal kept what midnight did.
            #expect(try await lab.state(lost) == "public - \(received) \(received) \(over) | 1:\(status):self:\(over)")
            #expect(try await lab.student(lost) == nil)
            #expect(try await lab.audit(lost) == [])
        }
    }

    @Test("the fifteenth day, with a follow-up every day")
    func fifteen() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-19 10:00")
            let signed = try await lab.customer(of: 1)
            let lost = try await lab.customer(of: 1)
            try await lab.at("2018-05-22 10:00")
            for day in ["05-22", "05-25", "05-28", "05-31", "06-03"] {
                try await lab.at("2018-\(day) 10:00")
                _ = try await lab.pool.query(
                    """
                    INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
                    SELECT id, 1, '聊过' FROM unnest(\([signed, lost])::int[]) id
                    """)
            }
            try await lab.at("2018-06-03 23:59:59.999")
            #expect(try await lab.desk.deal(signed, by: lab.seller(1)).word == "done")
            try await lab.at("2018-06-04 00:00")
            #expect(try await lab.desk.deal(lost, by: lab.seller(1)).word == "expired")
            #expect(try await lab.state(lost).hasSuffix("1:4:self:2018-06-04"))
        }
    }

    @Test("a deal frees a capped seller's hands for who waits, and nobody else's")
    func capacity() async throws {
        try await DealLab.with { lab in
            _ = try await lab.pool.query("INSERT INTO crm_salerank (user_id, num, weight) VALUES (1, 1, 1)")
            let waiting = try await lab.customer(of: nil)
            let ids = [try await lab.customer(of: 1), try await lab.customer(of: 1)]
            let jobs: @Sendable () async throws -> Int = {
                try await lab.count("SELECT count(*) FROM paidan.outbox WHERE kind = 'customer.assign'")
            }
            #expect(try await lab.desk.deal(ids[0], by: lab.seller(1)).word == "done")
            #expect(try await jobs() == 0)
            _ = try await lab.pool.query("INSERT INTO paidan.rank_limit (user_id, holding_cap) VALUES (1, 1)")
            #expect(try await lab.desk.deal(ids[1], by: lab.seller(1)).word == "done")
            #expect(
                try await lab.text("SELECT args ->> 'customer_ids' FROM paidan.outbox WHERE kind = 'customer.assign'")
                    == "[\(waiting)]")
        }
    }

    @Test("there is no such customer")
    func missing() async throws {
        try await DealLab.with { lab async throws in
            #expect(try await lab.desk.deal(99, by: lab.seller(1)).word == "missing")
            #expect(try await lab.desk.deal(99, isLate: true, by: lab.manager).word == "missing")
            #expect(try await lab.desk.reopen(99, by: lab.manager).word == "missing")
            #expect(try await lab.desk.protect(99, until: nil, by: lab.manager).word == "missing")
            #expect(try await lab.desk.pay(99, PaymentInput(payType: 9), by: lab.manager).word == "missing")
        }
    }
}
