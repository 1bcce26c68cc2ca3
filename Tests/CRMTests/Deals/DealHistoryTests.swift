import Postgres
import Testing

@testable import CRM

/// Anything at once, day after day: whatever the order, the rules of the database hold.
@Suite("A random history of deals") struct DealHistoryTests {
    private enum Step: CaseIterable, Sendable {
        case deal, late, reopen, reopenTo, protect, lift, deposit, refund, grab, patch, pageNote, pageDeal
    }

    @Test("invariants hold after each round; who signed is one student", arguments: [UInt64(1), 2])
    func history(_ seed: UInt64) async throws {
        var random = SeededRandom(seed)
        try await DealLab.with(sessions: 6) { lab in
            var customers: [Int] = []
            try await lab.at("2024-02-20 10:00")
            for index in 0..<5 { customers.append(try await lab.customer(of: index % 3 + 1)) }
            var day = 0
            var words: [String: Int] = [:]
            for _ in 0..<25 {
                day += Int.random(in: 0...3, using: &random)
                try await lab.at("\(try await lab.text("SELECT '2024-02-20'::date + \(day)::int") ?? "") 23:59:59.999")
                let customers = customers
                let plan = (0..<8).map { _ in
                    (
                        Step.allCases.randomElement(using: &random) ?? .deal,
                        customers.randomElement(using: &random) ?? 0, Int.random(in: 1...3, using: &random)
                    )
                }
                try await withThrowingTaskGroup(of: String.self) { group in
                    for (step, customer, user) in plan {
                        group.addTask { try await take(step, customer, user, lab) }
                    }
                    for try await word in group { words[word, default: 0] += 1 }
                }
                // A page's write is left alone for a minute: look as if it had passed.
                _ = try await lab.service { try $0.query("UPDATE crm_customer SET external_write_at = NULL") }
                #expect(try await lab.pool.transaction { try Invariants.violations(in: &$0) } == [])
            }
            #expect((words["done"] ?? 0) > 20, "\(words)")
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM crm_customer c LEFT JOIN crm_student s ON s.customer_id = c.id
                    WHERE s.id IS NULL AND EXISTS (SELECT FROM paidan.audit_log a
                        WHERE a.action IN ('customer.deal', 'customer.late_deal') AND a.actor <> 'database:postgres'
                            AND a.entity_id = c.id::text)
                    """) == 0)
            #expect(
                try await lab.count("SELECT count(*) - count(DISTINCT customer_id) FROM crm_student") == 0)
        }
    }

    private func take(_ step: Step, _ customer: Int, _ user: Int, _ lab: DealLab) async throws -> String {
        let seller = lab.seller(user)
        let desk = lab.desk
        switch step {
        case .deal: return try await desk.deal(customer, by: seller).word
        case .late: return try await desk.deal(customer, isLate: true, by: lab.manager).word
        case .reopen: return try await desk.reopen(customer, by: lab.manager).word
        case .reopenTo: return try await desk.reopen(customer, to: user, by: lab.manager).word
        case .protect: return try await desk.protect(customer, until: "2024-03-0\(user)", by: lab.manager).word
        case .lift: return try await desk.protect(customer, until: nil, by: lab.manager).word
        case .deposit:
            return try await desk.pay(customer, PaymentInput(payType: 1, classListID: 1), by: seller).word
        case .refund: return try await desk.pay(customer, PaymentInput(payType: 5), by: lab.manager).word
        case .grab: return try await desk.grab(customer, by: seller).word
        case .patch:
            let input = try CustomerInput(json: Array(#"{"major": "化学", "course": [1]}"#.utf8))
            _ = try await lab.customers.patch(customer, input, match: .any, by: seller)
            return "patch"
        case .pageNote:
            _ = try await lab.pool.query(
                """
                INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
                VALUES (\(customer)::int, \(user)::int, '聊过')
                """)
            return "page"
        case .pageDeal:
            _ = try await lab.pool.query(
                "UPDATE crm_customer SET status = 1 WHERE id = \(customer)::int AND pool_state = 'private'")
            return "page"
        }
    }
}
