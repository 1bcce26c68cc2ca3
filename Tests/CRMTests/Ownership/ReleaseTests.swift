import Postgres
import Testing

@testable import CRM

@Suite("Release and to-pool")
struct ReleaseTests {
    @Test("the owner's customer is public from today, with his reason; he may not have it again")
    func release() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let id = try await lab.customer(of: 1)
            try await lab.freeze("2018-05-21 10:00")
            let reason = String(repeating: "🙂", count: 255)
            #expect(
                try await word(lab.desk().release(id, reason: reason + "!", by: MoveLab.seller(1))) == "/reason range")
            #expect(
                try await word(lab.desk().release(id, reason: "\u{3000}", by: MoveLab.seller(1))) == "/reason required")
            #expect(try await word(lab.desk().release(id, reason: "不想要", by: MoveLab.seller(2))) == "not_owner")
            #expect(try await word(lab.desk().release(id, reason: "不想要", by: MoveLab.manager())) == "not_owner")
            #expect(try await word(lab.desk().release(id, reason: reason, by: MoveLab.seller(1))) == "done")
            #expect(try await lab.state(id) == "public - 2018-05-19 2018-05-19 2018-05-21 | 1:6:2018-05-21")
            #expect(
                try await lab.text("SELECT memo FROM crm_customerdistribution WHERE customer_id = \(id)::bigint")
                    == reason)
            #expect(try await word(lab.desk().release(id, reason: "再退", by: MoveLab.seller(1))) == "not_owner")
            #expect(try await word(lab.desk().grab(id, by: MoveLab.seller(1))) == "former_owner")
            #expect(try await word(lab.desk().grab(id, by: MoveLab.seller(2))) == "done")
            #expect(try await word(lab.desk().release(id, reason: "再退", by: MoveLab.seller(1))) == "not_owner")
            #expect(
                try await lab.text(
                    "SELECT string_agg(action, ' ' ORDER BY id) FROM paidan.audit_log WHERE entity_id = \(String(id))")
                    == "customer.release customer.grab")
        }
    }

    @Test("on the day after the last it is too late: the row says expired, not released")
    func overdue() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2025-12-30 10:00")
            let id = try await lab.customer(of: 1)
            try await lab.freeze("2026-01-03 00:00")
            #expect(try await word(lab.desk().release(id, reason: "不想要", by: MoveLab.seller(1))) == "expired")
            #expect(try await lab.state(id) == "public - 2025-12-30 2025-12-30 2026-01-03 | 1:3:2026-01-03")
            let closed = try await lab.customer(of: 1)
            try await lab.close(closed)
            #expect(try await word(lab.desk().release(closed, reason: "不想要", by: MoveLab.seller(1))) == "closed")
        }
    }

    @Test("a protection ends with the ownership")
    func protected() async throws {
        try await MoveLab.with { lab in
            let id = try await lab.customer(of: 1)
            _ = try await lab.base.pool.query(
                "UPDATE crm_customer SET protected_until = paidan.today() + 99 WHERE id = \(id)::bigint")
            #expect(try await word(lab.desk().release(id, reason: "不想要", by: MoveLab.seller(1))) == "done")
            #expect(
                try await lab.text("SELECT protected_until::text FROM crm_customer WHERE id = \(id)::bigint") == nil)
        }
    }

    @Test("to-pool: only a customer that waits; nobody is told, and anybody may grab it")
    func toPool() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2024-02-29 10:00")
            let id = try await lab.customer()
            let owned = try await lab.customer(of: 1)
            #expect(try await word(lab.desk().grab(id, by: MoveLab.seller(1))) == "pending")
            #expect(try await word(lab.desk().toPool(id, by: MoveLab.manager())) == "done")
            #expect(try await lab.state(id) == "public - - 2024-02-29 2024-02-29 |")
            #expect(try await word(lab.desk().toPool(id, by: MoveLab.manager())) == "state")
            #expect(try await word(lab.desk().toPool(owned, by: MoveLab.manager())) == "state")
            try await lab.close(owned)
            #expect(try await word(lab.desk().toPool(owned, by: MoveLab.manager())) == "state")
            #expect(try await word(lab.desk().toPool(99_999, by: MoveLab.manager())) == "missing")
            #expect(try await lab.count("SELECT count(*) FROM paidan.event") == 0)
            #expect(try await word(lab.desk().grab(id, by: MoveLab.seller(1))) == "done")
        }
    }
}
