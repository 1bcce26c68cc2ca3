import Postgres
import Testing

@testable import CRM

@Suite("Transfer")
struct TransferTests {
    @Test("from a seller, from the pool and from those who wait: new clocks, origin manual, an event, an audit row")
    func states() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let owned = try await lab.customer(of: 1)
            let pooled = try await lab.pooled()
            let waiting = try await lab.customer()
            try await lab.freeze("2018-05-21 10:00")
            for id in [owned, pooled, waiting] {
                #expect(try await word(lab.desk().transfer(id, to: 2, by: MoveLab.manager())) == "done")
            }
            #expect(try await lab.state(owned) == "private 2 2018-05-21 2018-05-21 - | 1:5:2018-05-21 2:1:-")
            #expect(try await lab.state(pooled) == "private 2 2018-05-21 2018-05-21 - | 2:1:-")
            #expect(try await lab.state(waiting) == "private 2 2018-05-21 2018-05-21 - | 2:1:-")
            #expect(
                try await lab.count(
                    "SELECT count(*) FROM crm_customerdistribution WHERE user_id = 2 AND origin = 'manual'") == 3)
            let events = try await lab.base.pool.query(
                """
                SELECT type || ' ' || (payload ->> 'user_id') || ' ' || (payload ->> 'first_expiry') FROM paidan.event
                ORDER BY id
                """
            ).map { try $0.text(0) }
            #expect(events == Array(repeating: "transferred 2 2018-05-24", count: 3))
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM paidan.audit_log
                    WHERE action = 'customer.transfer' AND actor = 'user:900' AND after ->> 'consultant_id' = '2'
                    """) == 3)
            // Who had it may get it back: status 5 bars nobody.
            #expect(try await word(lab.desk().transfer(owned, to: 2, by: MoveLab.manager())) == "state")
            #expect(try await word(lab.desk().transfer(owned, to: 1, by: MoveLab.manager())) == "done")
            try await lab.close(owned)
            #expect(try await word(lab.desk().transfer(owned, to: 2, by: MoveLab.manager())) == "closed")
        }
    }

    @Test("what is overdue is lost first, and even its loser may be given it again")
    func overdue() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let (first, second) = (try await lab.customer(of: 1), try await lab.customer(of: 1))
            try await lab.freeze("2018-05-23 10:00")
            #expect(try await word(lab.desk().transfer(first, to: 2, by: MoveLab.manager())) == "done")
            #expect(try await lab.state(first) == "private 2 2018-05-23 2018-05-23 - | 1:3:2018-05-23 2:1:-")
            #expect(try await word(lab.desk().transfer(second, to: 1, by: MoveLab.manager())) == "done")
            #expect(try await lab.state(second) == "private 1 2018-05-23 2018-05-23 - | 1:3:2018-05-23 1:1:-")
        }
    }

    @Test("neither caps nor leave stop a manager")
    func bounds() async throws {
        try await MoveLab.with { lab in
            try await lab.cap(2, holding: 0, daily: 0)
            _ = try await lab.base.pool.query(
                "INSERT INTO paidan.absence (user_id, from_on, to_on) VALUES (2, paidan.today(), paidan.today())")
            let id = try await lab.customer(of: 1)
            #expect(try await word(lab.desk().transfer(id, to: 2, by: MoveLab.manager())) == "done")
        }
    }

    @Test("only to an active person of department 1001, which is said before the state")
    func targets() async throws {
        try await MoveLab.with { lab in
            let closed = try await lab.customer(of: 1)
            try await lab.close(closed)
            _ = try await lab.base.pool.query("UPDATE crm_userinfo SET is_active = false WHERE id = 8")
            _ = try await lab.base.pool.query("UPDATE crm_userinfo SET depart_id = 1000 WHERE id = 9")
            let id = try await lab.customer(of: 1)
            for target in [8, 9, 99_999] {
                for id in [closed, id] {
                    let moved = try await lab.desk().transfer(id, to: target, by: MoveLab.manager())
                    #expect(word(moved) == "/to not_a_seller")
                }
                #expect(try await word(lab.desk().transfer(99_999, to: target, by: MoveLab.manager())) == "missing")
            }
            #expect(try await lab.state(id).hasPrefix("private 1 "))
        }
    }
}
