import Jobs
import Postgres
import Testing

@testable import CRM

/// The edge cases around sellers, shares, clocks and pages.
@Suite("Edge cases: sellers, clocks and pages")
struct SellerEdgeCaseTests {
    @Test("case 12: a follow-up and a sweep at once: either may be first, and the rows agree")
    func followOrSweep() async throws {
        try await MoveLab.with { lab in
            for round in 0..<12 {
                try await lab.freeze("2018-05-19 10:00")
                let customer = try await lab.customer(of: 1)
                try await lab.freeze("2018-05-22 23:59:59", thenIn: .milliseconds(40), "2018-05-23 00:00:00")
                async let swept: Void = sweepAtMidnight(lab)
                // Before midnight, after it, and about it.
                try await Task.sleep(for: .milliseconds(round * 7))
                let note = try await word(lab.desk().followUp(customer, note: "聊过", by: MoveLab.seller(1)))
                try await swept
                let isOpen = try await lab.state(customer).hasPrefix("private 1")
                #expect(note == (isOpen ? "moved" : "expired"), "round \(round)")
            }
        }
    }

    private func sweepAtMidnight(_ lab: MoveLab) async throws {
        while try await lab.text("SELECT paidan.today()::text") != "2018-05-23" { await Task.yield() }
        try await sweep(lab)
    }

    @Test("case 13: a manager's transfer ends the old row as 5 and begins new clocks, also for one who lost it before")
    func transferred() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let customer = try await lab.customer(of: 1)
            try await lab.base.bar([2], from: customer)
            try await lab.freeze("2018-05-21 10:00")
            #expect(try await word(lab.desk().transfer(customer, to: 2, by: MoveLab.manager())) == "done")
            #expect(try await lab.state(customer).hasPrefix("private 2 2018-05-21 2018-05-21"))
            #expect(try await lab.count("SELECT count(*) FROM crm_customerdistribution WHERE status = 5") == 1)
            #expect(
                try await lab.count("SELECT count(*) FROM paidan.audit_log WHERE action = 'customer.transfer'") == 1)
        }
    }

    @Test("case 14: a seller who leaves loses free slots and customers, who wait for others; what he lost before stays")
    func left() async throws {
        try await MoveLab.with { lab in
            let shares = [CycleShare(user: 1, num: 2, weight: 2), CycleShare(user: 2, num: 2, weight: 1)]
            try await lab.base.set(shares, .laps)
            let customers = [try await lab.customer(), try await lab.customer()]
            for customer in customers { try await lab.base.assign(customers: [customer]) }
            let lost = try await lab.pooled()
            try await lab.base.bar([1], from: lost)
            try await lab.base.deactivate(1)
            #expect(try await lab.base.consultants(of: customers) == [nil, 2])
            #expect(try await lab.state(customers[0]).hasPrefix("pending"))
            #expect(try await lab.base.states(ofCycle: 1) == ["used", "used", "left", "free"])
            let kept = try await lab.count(
                "SELECT count(*) FROM crm_customerdistribution WHERE user_id = 1 AND status = 3")
            #expect(kept == 1)
            try await lab.base.assign(customers: [customers[0]])
            #expect(try await lab.base.consultants(of: [customers[0]]) == [2])
        }
    }

    @Test("case 15: slots that come up in a leave are void, without catch-up; the clocks of what he has run on")
    func leave() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let shares = [CycleShare(user: 1, num: 1, weight: 2), CycleShare(user: 2, num: 1, weight: 1)]
            try await lab.base.set(shares, .laps)
            let his = try await lab.customer(of: 1)
            _ = try await lab.base.desk.addAbsence(user: 1, from: "2018-05-19", to: "2018-05-20", actor: "test")
            let customers = [try await lab.customer(), try await lab.customer()]
            for customer in customers { try await lab.base.assign(customers: [customer]) }
            #expect(try await lab.base.consultants(of: customers) == [2, 2])
            #expect(try await lab.base.states(ofCycle: 1) == ["leave", "used"])
            try await lab.freeze("2018-05-23 00:00")
            let after = [try await lab.customer(), try await lab.customer()]
            for customer in after { try await lab.base.assign(customers: [customer]) }
            #expect(try await lab.base.consultants(of: after) == [1, 2])
            #expect(try await lab.desk().followUp(his, note: "晚了", by: MoveLab.seller(1)) == .refused(.expired))
        }
    }

    @Test("case 16: new shares count from the next cycle; a share of 0 makes free slots void at once")
    func shares() async throws {
        try await MoveLab.with { lab in
            let before = [CycleShare(user: 1, num: 2, weight: 2), CycleShare(user: 2, num: 1, weight: 1)]
            try await lab.base.set(before, .laps)
            let first = try await lab.base.assign(1)
            try await lab.base.set(
                [CycleShare(user: 1, num: 1, weight: 1), CycleShare(user: 2, num: 0, weight: 1)], .laps)
            #expect(try await lab.base.states(ofCycle: 1) == ["used", "num", "free"])
            #expect(try await first + lab.base.assign(2) == [1, 1, 1])
            #expect(try await lab.base.states(ofCycle: 2) == ["used"])
        }
    }

    @Test("case 17: without any share above 0 no cycle is built", arguments: [false, true])
    func noShares(zeros: Bool) async throws {
        try await MoveLab.with { lab in
            if zeros { try await lab.base.set([CycleShare(user: 1, num: 0, weight: 1)], .laps) }
            #expect(try await lab.base.assign(1) == [nil])
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_cycle") == 0)
        }
    }

    @Test(
        "case 18: an old customer without a date of receipt has its distribution's, else its own, and migrate says so")
    func noDate() async throws {
        try await MoveLab.with { lab in
            let customers = [try await lab.customer(), try await lab.customer()]
            // As the old CRM left them: the table's rule came with the adoption.
            _ = try await lab.base.service { tx in
                _ = try tx.query("ALTER TABLE crm_customer DROP CONSTRAINT crm_customer_private_check")
                _ = try tx.query(
                    """
                    UPDATE crm_customer SET consultant_id = 1, recv_date = NULL, date = '2018-05-01',
                        last_consult_date = paidan.today()
                    """)
                _ = try tx.query(
                    """
                    INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, origin)
                    VALUES (1, \(customers[0])::bigint, '2018-04-01', 'crm')
                    """)
                return try tx.query("SELECT paidan.mend_customers()")[0].int(0)
            }
            let dates = try await lab.base.pool.query("SELECT recv_date FROM crm_customer ORDER BY id").map {
                try $0.text(0)
            }
            #expect(dates == ["2018-04-01", "2018-05-01"])
            #expect(
                try await lab.count("SELECT count(*) FROM paidan.audit_log WHERE action = 'mend.recv_date'") == 2)
        }
    }

    @Test("case 19: a sweep by a day before an earlier sweep finds nothing to do")
    func earlier() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let customer = try await lab.customer(of: 1)
            try await lab.freeze("2018-05-24 00:05")
            try await sweep(lab)
            let state = try await lab.state(customer)
            #expect(state.hasSuffix("1:3:2018-05-23"))
            try await sweep(lab, asOf: "2018-05-20")
            #expect(try await lab.state(customer) == state)
        }
    }

    @Test("case 20: a customer goes only by undo, its distribution into the archive")
    func gone() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("QQ,姓名\n100001,甲\n")
            #expect(try await lab.undo(id).removed == 1)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer") == 0)
            #expect(try await lab.text("SELECT why FROM paidan.distribution_archive") == "undone")
        }
    }

    @Test("case 21: a page's customer is private at once, gets its distribution from the reconciler, else waits")
    func page() async throws {
        try await MoveLab.with { lab in
            let made = try await lab.base.pool.query(
                """
                INSERT INTO crm_customer (qq, name, consultant_id) VALUES ('100001', '甲', 1), ('100002', '乙', NULL)
                RETURNING id
                """
            ).map { try $0.int(0) }
            #expect(try await lab.state(made[0]).hasPrefix("private 1"))
            #expect(try await lab.state(made[1]).hasPrefix("pending"))
            try await lab.set("clock_offset", "00:10:00")
            _ = try await lab.base.pool.query("SELECT paidan.mend_written()")
            #expect(try await lab.text("SELECT origin FROM crm_customerdistribution") == "crm")
            try await lab.base.bar([1], from: made[1])
            await #expect(throws: PostgresError.self) {
                _ = try await lab.base.pool.query(
                    "UPDATE crm_customer SET consultant_id = 1 WHERE id = \(made[1])::bigint")
            }
        }
    }

    private func sweep(_ lab: MoveLab, asOf: String? = nil) async throws {
        let job = SweepJob(pool: lab.base.pool, publisher: EventTable())
        _ = try await job.run(
            job: lab.base.newJobID(), SweepArguments(asOf: asOf), .detached(logger: ImportLab.logger))
    }
}
