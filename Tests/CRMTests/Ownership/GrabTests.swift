import Postgres
import Testing

@testable import CRM

@Suite("Grab")
struct GrabTests {
    /// A customer that seller 1 lost on 2018-05-23.
    private func lost(_ lab: MoveLab) async throws -> Int {
        try await lab.freeze("2018-05-19 10:00")
        let id = try await lab.customer(of: 1)
        try await lab.freeze("2018-05-23 00:00")
        return id
    }

    private func grab(_ lab: MoveLab, _ id: Int, by seller: Int, _ settings: PoolSettings = PoolSettings()) async throws
        -> String
    { try await word(lab.desk(settings).grab(id, by: MoveLab.seller(seller))) }

    @Test("an overdue customer that no sweep has met: its owner is told former_owner, the next one gets it")
    func overdue() async throws {
        try await MoveLab.with { lab in
            let id = try await lost(lab)
            #expect(try await grab(lab, id, by: 1) == "former_owner")
            #expect(try await grab(lab, id, by: 2) == "done")
            #expect(try await lab.state(id) == "private 2 2018-05-23 2018-05-23 - | 1:3:2018-05-23 2:1:-")
            #expect(try await grab(lab, id, by: 2) == "taken")
            #expect(try await grab(lab, id, by: 3) == "taken")
            #expect(
                try await lab.text("SELECT type || ' ' || (payload ->> 'user_id') FROM paidan.event") == "grabbed 2")
        }
    }

    @Test("whom a page is giving to somebody, its distribution written and its owner not yet, nobody else takes")
    func promised() async throws {
        try await MoveLab.with { lab in
            let (pooled, pending) = (try await lab.pooled(), try await lab.customer())
            for id in [pooled, pending] {
                _ = try await lab.base.pool.query(
                    "INSERT INTO crm_customerdistribution (user_id, customer_id) VALUES (1, \(id)::bigint)")
            }
            #expect(try await grab(lab, pooled, by: 2) == "taken")
            #expect(try await word(lab.desk().toPool(pending, by: MoveLab.manager())) == "state")
            for id in [pooled, pending] {
                #expect(try await word(lab.desk().transfer(id, to: 3, by: MoveLab.manager())) == "done")
                #expect(try await lab.state(id).hasPrefix("private 3"))
            }
        }
    }

    @Test("any_former: A, B, A is refused for good; moved out by a manager bars nobody")
    func anyFormer() async throws {
        try await MoveLab.with { lab in
            let id = try await lost(lab)
            #expect(try await grab(lab, id, by: 2) == "done")
            try await lab.freeze("2018-05-27 00:00")
            #expect(try await grab(lab, id, by: 1) == "former_owner")
            #expect(try await grab(lab, id, by: 2) == "former_owner")
            #expect(try await grab(lab, id, by: 3) == "done")
            #expect(try await word(lab.desk().transfer(id, to: 4, by: MoveLab.manager())) == "done")
            #expect(try await word(lab.desk().release(id, reason: "不合适", by: MoveLab.seller(4))) == "done")
            #expect(try await grab(lab, id, by: 4) == "former_owner")
            #expect(try await grab(lab, id, by: 3) == "done")
        }
    }

    @Test("last_owner: the last one alone is barred, for cooldown_days if there are any")
    func lastOwner() async throws {
        try await MoveLab.with { lab in
            try await lab.set("former_owner", "last_owner")
            let id = try await lost(lab)
            #expect(try await grab(lab, id, by: 1) == "former_owner")
            #expect(try await grab(lab, id, by: 2) == "done")
            try await lab.freeze("2018-05-27 00:00")
            #expect(try await grab(lab, id, by: 2) == "former_owner")
            #expect(try await grab(lab, id, by: 1) == "done")
            try await lab.freeze("2018-05-31 00:00")
            try await lab.set("cooldown_days", "2")
            #expect(try await grab(lab, id, by: 1) == "former_owner")
            try await lab.freeze("2018-06-01 23:59:59.999")
            #expect(try await grab(lab, id, by: 1) == "former_owner")
            try await lab.freeze("2018-06-02 00:00")
            #expect(try await grab(lab, id, by: 1) == "done")
        }
    }

    @Test("caps: customers in hand whatever their origin; of today by assignment and grab only")
    func caps() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            _ = try await lab.customer(of: 1)
            let pool = [try await lab.pooled(), try await lab.pooled(), try await lab.pooled()]
            try await lab.cap(1, holding: 2)
            #expect(try await grab(lab, pool[0], by: 1) == "done")
            #expect(try await grab(lab, pool[1], by: 1) == "limit")
            try await lab.cap(1, holding: 9, daily: 2)
            #expect(try await grab(lab, pool[1], by: 1) == "done")
            #expect(try await grab(lab, pool[2], by: 1) == "limit")
            // What he gave back today was taken today.
            #expect(try await word(lab.desk().release(pool[1], reason: "不合适", by: MoveLab.seller(1))) == "done")
            #expect(try await grab(lab, pool[2], by: 1) == "limit")
            try await lab.freeze("2018-05-20 00:00")
            #expect(try await grab(lab, pool[2], by: 1) == "done")
        }
    }

    @Test("[pool]: picks of a day, and days in the pool before anybody may")
    func poolSettings() async throws {
        try await MoveLab.with { lab in
            let id = try await lost(lab)
            let next = try await lab.pooled()
            let cooling = PoolSettings(coolOffDays: 2)
            #expect(try await grab(lab, id, by: 2, cooling) == "limit")
            // The refusal has expired it all the same.
            #expect(try await lab.state(id).hasPrefix("public"))
            try await lab.freeze("2018-05-24 23:59:59.999")
            #expect(try await grab(lab, id, by: 2, cooling) == "limit")
            try await lab.freeze("2018-05-25 00:00")
            #expect(try await grab(lab, id, by: 2, cooling) == "done")
            #expect(try await grab(lab, next, by: 2, PoolSettings(picksPerDay: 1)) == "limit")
            #expect(try await grab(lab, next, by: 2, PoolSettings(picksPerDay: 2)) == "done")
        }
    }

    @Test("who is no active person of department 1001 may not, whatever the customer's state")
    func noSeller() async throws {
        try await MoveLab.with { lab in
            let id = try await lab.pooled()
            _ = try await lab.base.pool.query("UPDATE crm_userinfo SET is_active = false WHERE id = 8")
            _ = try await lab.base.pool.query("UPDATE crm_userinfo SET depart_id = 1000 WHERE id = 9")
            for caller in [MoveLab.seller(8), MoveLab.seller(9), MoveLab.manager()] {
                await #expect(throws: NoSeller.self) { try await lab.desk().grab(id, by: caller) }
            }
            #expect(try await lab.state(id).hasPrefix("public"))
        }
    }
}
