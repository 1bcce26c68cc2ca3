import Postgres
import Testing

@testable import CRM

@Suite("Deals at once with something else") struct DealRaceTests {
    /// What each of several calls at once answered, sorted.
    private func together(_ calls: [@Sendable () async throws -> Moved]) async throws -> [String] {
        try await withThrowingTaskGroup(of: String.self) { group in
            for call in calls { group.addTask { try await call().word } }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
    }

    @Test("two deals: one is made, the other is told so")
    func twice() async throws {
        try await DealLab.with(sessions: 4) { lab in
            for _ in 0..<10 {
                let id = try await lab.customer(of: 1)
                let deal: @Sendable () async throws -> Moved = { try await lab.desk.deal(id, by: lab.seller(1)) }
                let pay: @Sendable () async throws -> Moved = {
                    try await lab.desk.pay(id, PaymentInput(payType: 1, classListID: 1), by: lab.seller(1))
                }
                #expect(try await together([deal, deal, deal]) == ["closed", "closed", "done"])
                #expect(try await together([pay, pay, deal]) == ["closed", "done", "done"])
                #expect(try await lab.state(id).split(separator: ":2:").count == 2)
            }
            #expect(try await lab.count("SELECT count(*) FROM crm_student") == 10)
            #expect(try await lab.count("SELECT count(*) FROM crm_student_class_list") == 10)
            #expect(try await lab.count("SELECT count(*) FROM crm_paymentrecord") == 20)
        }
    }

    @Test("deal, late deal and grab of a customer overdue: one has it, the others are told why not")
    func overdue() async throws {
        try await DealLab.with(sessions: 6) { lab in
            var late = 0
            var grabbed = 0
            for _ in 0..<20 {
                try await lab.at("2018-05-19 10:00")
                let id = try await lab.customer(of: 1)
                try await lab.at("2018-05-30 10:00")
                let answers = try await together([
                    { try await lab.desk.deal(id, by: lab.seller(1)) },
                    { try await lab.desk.deal(id, isLate: true, by: lab.manager) },
                    { try await lab.desk.grab(id, by: lab.seller(2)) },
                    { try await lab.desk.grab(id, by: lab.seller(3)) },
                ])
                let state = try await lab.state(id)
                #expect(answers.filter { $0 == "done" }.count == 1, "\(answers) \(state)")
                if state.hasPrefix("closed 1 ") {
                    late += 1
                    #expect(state.hasSuffix("| 1:3:self:2018-05-23 1:2:manual:2018-05-30"))
                    #expect(Set(answers).isSubset(of: ["done", "closed", "expired"]), "\(answers)")
                } else {
                    grabbed += 1
                    #expect(state.contains("| 1:3:self:2018-05-23 ") && state.hasSuffix(":1:grab:-"))
                    #expect(Set(answers).isSubset(of: ["done", "taken", "expired", "not_owner"]), "\(answers)")
                }
            }
            #expect(late + grabbed == 20)
        }
    }

    @Test("deal against protection, payment, reopening and a page's note")
    func mixed() async throws {
        try await DealLab.with(sessions: 6) { lab in
            for _ in 0..<10 {
                let id = try await lab.customer(of: 1)
                let answers = try await together([
                    { try await lab.desk.deal(id, by: lab.seller(1)) },
                    { try await lab.desk.protect(id, until: nil, by: lab.manager) },
                    { try await lab.desk.pay(id, PaymentInput(payType: 5), by: lab.seller(1)) },
                    { try await lab.desk.reopen(id, by: lab.manager) },
                    {
                        _ = try await lab.pool.query(
                            "INSERT INTO crm_consultrecord (customer_id, consultant_id, note) VALUES (\(id), 1, '聊过')")
                        return .refused(.limit)
                    },
                ])
                #expect(Set(answers).isSubset(of: ["done", "state", "limit"]), "\(answers)")
            }
        }
    }
}
