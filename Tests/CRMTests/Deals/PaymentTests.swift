import Postgres
import Testing

@testable import CRM

@Suite("Payments") struct PaymentTests {
    private func records(_ lab: DealLab, _ customer: Int) async throws -> [String] {
        try await lab.pool.query(
            """
            SELECT concat_ws(' ', pay_type, paid_fee, coalesce(turnover, 0), coalesce(quote, 0), consultant_id,
                coalesce(class_list_id::text, '-'), (date AT TIME ZONE 'Asia/Shanghai')::date, note)
            FROM crm_paymentrecord WHERE customer_id = \(customer)::int ORDER BY id
            """
        ).map { try $0.text(0) }
    }

    @Test("a deposit and tuition are a deal in the owner's name, in one transaction", arguments: [1, 2])
    func deal(_ type: Int) async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-22 23:59:59.999")
            let mine = try await lab.customer(of: 1, qq: "1234567")
            let other = try await lab.customer(of: 2)
            let payment = PaymentInput(
                payType: type, paidFee: 500, turnover: 19800, quote: 20000, note: "现金", classListID: 1)
            #expect(try await lab.desk.pay(mine, payment, by: lab.seller(1)).word == "done")
            #expect(try await lab.state(mine) == "closed 1 2018-05-22 2018-05-22 - | 1:2:self:2018-05-22")
            #expect(try await records(lab, mine) == ["\(type) 500 19800 20000 1 1 2018-05-22 现金"])
            #expect(try await lab.student(mine) == "1234567 2018-05-22 1")
            #expect(try await lab.audit(mine) == ["customer.deal user:101"])
            // A manager's carries the owner; who recorded it stands in the audit log.
            #expect(try await lab.desk.pay(other, PaymentInput(payType: type), by: lab.manager).word == "done")
            #expect(try await records(lab, other) == ["\(type) 0 0 0 2 - 2018-05-22"])
            #expect(try await lab.audit(other) == ["customer.deal user:9"])
            #expect(
                try await lab.text(
                    """
                    SELECT after ->> 'user_id' FROM paidan.audit_log WHERE entity_id = \(String(other))
                        AND (after ->> 'payment_id')::int = (SELECT max(id) FROM crm_paymentrecord)
                    """) == "2")
        }
    }

    @Test("other kinds change no state, and make no student", arguments: [3, 4, 5])
    func others(_ type: Int) async throws {
        try await DealLab.with { lab in
            let id = try await lab.customer(of: 1)
            let before = try await lab.state(id)
            let payment = PaymentInput(payType: type, paidFee: 1, classListID: 1)
            #expect(try await lab.desk.pay(id, payment, by: lab.seller(1)).word == "done")
            #expect(try await lab.state(id) == before)
            #expect(try await lab.student(id) == nil)
            #expect(try await lab.audit(id) == ["customer.pay user:101"])
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "done")
            let closed = try await lab.state(id)
            #expect(try await lab.desk.pay(id, payment, by: lab.seller(1)).word == "done")
            #expect(try await lab.state(id) == closed)
            #expect(try await records(lab, id).count == 2)
            // Who changes the class is in it; who leaves joins none.
            #expect(try await lab.student(id)?.hasSuffix(" 1") == (type == 3))
        }
    }

    @Test("of a closed customer: the seller of its deal or a manager; a class is joined once")
    func closed() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-22 10:00")
            let id = try await lab.customer(of: 1, qq: "1234567")
            #expect(try await lab.desk.deal(id, by: lab.seller(1)).word == "done")
            #expect(try await lab.student(id) == "1234567 2018-05-22")
            try await lab.at("2018-06-22 10:00")
            let tuition = PaymentInput(payType: 2, paidFee: 10, classListID: 1)
            #expect(try await lab.desk.pay(id, tuition, by: lab.seller(2)).word == "not_owner")
            #expect(try await lab.desk.pay(id, tuition, by: lab.seller(1)).word == "done")
            #expect(try await lab.desk.pay(id, tuition, by: lab.manager).word == "done")
            #expect(try await lab.student(id) == "1234567 2018-05-22 1")
            #expect(try await records(lab, id) == Array(repeating: "2 10 0 0 1 1 2018-06-22", count: 2))
            #expect(try await lab.state(id).hasSuffix("| 1:2:self:2018-05-22"))
        }
    }

    @Test("closed by a sheet: a manager's own name where the sheet names nobody")
    func imported() async throws {
        try await DealLab.with { lab in
            let id = try await lab.service { tx in
                try tx.query("INSERT INTO crm_customer (qq, name, status) VALUES ('100001', '甲', 1) RETURNING id")[0]
                    .int(0)
            }
            let tuition = PaymentInput(payType: 2, classListID: 1)
            #expect(try await lab.desk.pay(id, tuition, by: lab.manager).word == "state")
            #expect(try await lab.desk.pay(id, tuition, by: lab.seller(1)).word == "not_owner")
            #expect(try await lab.desk.pay(id, tuition, by: lab.seller(4, codes: ["customer.all"])).word == "done")
            #expect(try await lab.text("SELECT consultant_id::text FROM crm_paymentrecord") == "4")
            #expect(try await lab.student(id)?.hasSuffix(" 1") == true)
        }
    }

    @Test("neither private nor closed; what is wrong is said first; nothing is stored")
    func refused() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-19 10:00")
            let lost = try await lab.customer(of: 1)
            let pending = try await lab.customer(of: nil)
            try await lab.at("2018-05-23 00:00")
            for type in 1...5 {
                let payment = PaymentInput(payType: type)
                #expect(try await lab.desk.pay(lost, payment, by: lab.seller(1)).word == "expired")
                #expect(try await lab.desk.pay(lost, payment, by: lab.seller(2)).word == "not_owner")
                #expect(try await lab.desk.pay(lost, payment, by: lab.manager).word == "state")
                #expect(try await lab.desk.pay(pending, payment, by: lab.seller(2)).word == "not_owner")
                #expect(try await lab.desk.pay(pending, payment, by: lab.manager).word == "state")
            }
            let wrong = PaymentInput(payType: 6, paidFee: -1, classListID: 77)
            #expect(
                try await lab.desk.pay(lost, wrong, by: lab.seller(1)).word
                    == "/pay_type range, /paid_fee range, /class_list_id unknown_class")
            #expect(try await lab.count("SELECT count(*) FROM crm_paymentrecord") == 0)
            #expect(try await lab.count("SELECT count(*) FROM crm_student") == 0)
            #expect(try await lab.state(lost).hasSuffix("1:3:self:2018-05-23"))
            // The late deal comes first, then the payment is its seller's.
            #expect(try await lab.desk.deal(lost, isLate: true, by: lab.manager).word == "done")
            #expect(try await lab.desk.pay(lost, PaymentInput(payType: 1), by: lab.seller(1)).word == "done")
        }
    }
}
