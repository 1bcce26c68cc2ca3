import Foundation
import Jobs
import Postgres
import Testing

@testable import CRM

@Suite("Offboard")
struct OffboardTests {
    private let shares = [
        CycleShare(user: 1, num: 2, weight: 3), CycleShare(user: 2, num: 2, weight: 2),
    ]

    /// The job that the table's trigger put into the outbox.
    private func runJobs(_ lab: AssignmentLab) async throws {
        let rows = try await lab.pool.query(
            """
            SELECT id, args FROM paidan.outbox o WHERE kind = 'seller.offboard'
                AND NOT EXISTS (SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text) ORDER BY seq
            """)
        for row in rows {
            let arguments = try JSONDecoder().decode(OffboardJob.Arguments.self, from: Data(try row.utf8(1)))
            _ = try await lab.offboard.run(
                job: try row.text(0), user: arguments.user, leftAfter: arguments.leftAfter)
        }
    }

    private func broken(_ lab: AssignmentLab) async throws -> [String] {
        try await lab.pool.transaction { try Invariants.violations(in: &$0) }
    }

    private func isActive(_ lab: AssignmentLab, _ user: Int) async throws -> Bool {
        try await lab.pool.query("SELECT is_active FROM crm_userinfo WHERE id = \(user)::bigint")[0].bool(0)
    }

    @Test("nobody has that number: the job is dead and says so")
    func unknown() async throws {
        try await AssignmentLab.with { lab in
            let outcome = try await lab.offboard.run(job: lab.newJobID(), user: 4711)
            guard case .dead("not_found", let message) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(message.contains("4711"))
            // A page switched him off and then deleted him: nobody ordered anything.
            let left = try await lab.offboard.run(job: lab.newJobID(), user: 4711, leftAfter: 0)
            guard case .done = left else {
                Issue.record("\(left)")
                return
            }
        }
    }

    @Test("out of department 1001 and back before the job ran: what he had goes, what he got since stays, he stays")
    func back() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(shares, .laps)
            let customers = try await lab.addCustomers(2)
            try await lab.assign(customers: customers)
            #expect(try await lab.consultants(of: customers) == [1, 2])
            _ = try await lab.pool.query("UPDATE crm_userinfo SET depart_id = 1000 WHERE id = 1")
            _ = try await lab.pool.query("UPDATE crm_userinfo SET depart_id = 1001 WHERE id = 1")
            let own = try await lab.addCustomers(1)[0]
            try await lab.service { tx in _ = try OwnershipStore.give(own, to: 1, .own, in: &tx) }
            try await runJobs(lab)
            #expect(try await lab.consultants(of: [customers[0], own]) == [nil, 1])
            #expect(try await isActive(lab, 1))
            #expect(
                try await lab.pool.query("SELECT pool_state FROM crm_customer WHERE id = \(customers[0])::bigint")[0]
                    .text(0) == "pending")
            // No backlog: his slots of this cycle are void, the next one has his normal share.
            #expect(try await lab.states(ofCycle: 1) == ["used", "used", "left", "free"])
            #expect(try await lab.assign(3) == [2, 1, 2])
            #expect(try await broken(lab) == [])
        }
    }

    @Test("out of department 1001 for good: everything goes, whenever he got it")
    func gone() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(shares, .laps)
            let customers = try await lab.addCustomers(1)
            try await lab.assign(customers: customers)
            _ = try await lab.pool.query("UPDATE crm_userinfo SET depart_id = 1000 WHERE id = 1")
            let given = try await lab.addCustomers(1)[0]
            try await lab.service { tx in _ = try OwnershipStore.give(given, to: 1, .crm, in: &tx) }
            try await runJobs(lab)
            #expect(try await lab.consultants(of: customers + [given]) == [nil, nil])
            #expect(try await isActive(lab, 1))
            #expect(try await lab.assign(1) == [2])
            #expect(try await broken(lab) == [])
        }
    }

    @Test("ordered: he is switched off with it, once; the job says what it took, the audit log who ordered it")
    func ordered() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(shares, .laps)
            try await lab.assign(customers: try await lab.addCustomers(1))
            #expect(try await lab.desk.offboard(user: 77, actor: "user:9") == nil)
            let order = try #require(try await lab.desk.offboard(user: 1, actor: "user:9"))
            #expect(try await !isActive(lab, 1))
            #expect(
                try await lab.pool.query("SELECT id::text FROM paidan.outbox WHERE kind = 'seller.offboard'").map {
                    try $0.text(0)
                } == [order.id])
            try await runJobs(lab)
            let audit = try await lab.pool.query(
                """
                SELECT concat_ws(' ', action, actor, entity_id, before, after) FROM paidan.audit_log
                WHERE action LIKE '%offboard' ORDER BY id
                """
            ).map { try $0.text(0) }
            #expect(audit.count == 3)
            #expect(audit[0].hasPrefix("user.offboard user:9 1 {\"is_active\": true} {\"job_id\":"))
            #expect(audit[1].hasPrefix("customer.offboard job:seller.offboard "))
            #expect(audit[1].contains("{\"consultant_id\": 1} {\"consultant_id\": null}"))
            #expect(audit[2].hasPrefix("seller.offboard job:seller.offboard 1 {\"slots\": 1, \"customers\": 1}"))
            #expect(try await broken(lab) == [])
        }
    }

    @Test("a protection ends with its owner")
    func protected() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(shares, .laps)
            let customer = try await lab.addCustomers(1)[0]
            try await lab.assign(customers: [customer])
            try await lab.service { tx in
                _ = try tx.query("UPDATE crm_customer SET protected_until = paidan.today() + 30")
            }
            _ = try await lab.offboard.run(job: "o", user: 1)
            try await lab.assign(customers: [customer])
            #expect(
                try await lab.ints(
                    "SELECT count(*) FROM crm_customer WHERE protected_until IS NULL AND consultant_id = 2") == [1])
        }
    }

    @Test("absences: of past days, overlapping, a day long; slots of those days are void, nobody catches up")
    func absences() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(shares, .laps)
            let day = { (days: Int) in
                try await lab.pool.query("SELECT (paidan.today() + \(days)::int)::text")[0].text(0)
            }
            let (before, today, after) = (try await day(-3), try await day(0), try await day(3))
            #expect(try await lab.desk.addAbsence(user: 77, from: today, to: today, actor: "user:9") == .unknownUser)
            #expect(try await lab.desk.addAbsence(user: 1, from: after, to: today, actor: "user:9") == .backwards)
            // Over already: no slot is touched.
            _ = try await lab.desk.addAbsence(user: 1, from: before, to: try await day(-1), actor: "user:9")
            #expect(try await lab.assign(1) == [1])
            _ = try await lab.desk.addAbsence(user: 1, from: before, to: today, actor: "user:9")
            _ = try await lab.desk.addAbsence(user: 1, from: today, to: today, actor: "user:9")
            #expect(try await lab.assign(2) == [2, 2])
            #expect(try await lab.states(ofCycle: 1) == ["used", "used", "leave", "used"])
            // He is back: his normal share of the next cycle, no more.
            _ = try await lab.pool.query("DELETE FROM paidan.absence WHERE to_on >= paidan.today()")
            #expect(try await lab.assign(4) == [1, 2, 1, 2])
            #expect(
                try await lab.ints(
                    """
                    SELECT count(*) FROM paidan.audit_log
                    WHERE action = 'absence.add' AND actor = 'user:9' AND entity_id = '1' AND after ? 'from'
                    """) == [3])
            #expect(try await broken(lab) == [])
        }
    }
}

@Suite("Fairness")
struct FairnessTests {
    @Test("days bound the cycles, at midnight of the business zone; only their slots are read")
    func bounded() async throws {
        try await AssignmentLab.with { lab in
            _ = try await lab.pool.query(
                """
                INSERT INTO paidan.assign_cycle (cycle_no, built_at, closed_at)
                SELECT n, '2018-05-19 15:59:59Z'::timestamptz + (n - 1) * interval '1 second', now()
                FROM generate_series(1, 3) n
                """)
            _ = try await lab.pool.query(
                "INSERT INTO paidan.assign_quota SELECT n, 7, 2, 1 FROM generate_series(1, 3) n")
            _ = try await lab.pool.query(
                """
                INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, reason)
                SELECT n, p, 7, 'void', CASE p WHEN 1 THEN 'leave' ELSE 'daily_cap' END
                FROM generate_series(1, 3) n, generate_series(1, 2) p
                """)
            let cycles = { (from: String?, to: String?) in
                try await lab.desk.fairness(from: from, to: to).map(\.number)
            }
            #expect(try await cycles(nil, nil) == [1, 2, 3])
            #expect(try await cycles("2018-05-19", "2018-05-19") == [1])
            #expect(try await cycles("2018-05-20", nil) == [2, 3])
            #expect(try await cycles(nil, "2018-05-18") == [])
            #expect(try await cycles("2018-05-20", "2018-05-19") == [])
            #expect(try await cycles("0001-01-01", "9999-12-31") == [1, 2, 3])
            let shares = try await lab.desk.fairness(from: "2018-05-19", to: "2018-05-19")[0].sellers
            #expect(
                shares == [
                    .init(user: 7, num: 2, used: 0, void: 2, free: 0, reasons: ["leave": 1, "daily_cap": 1])
                ])
        }
    }
}
