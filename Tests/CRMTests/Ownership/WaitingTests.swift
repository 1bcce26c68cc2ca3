import Postgres
import Testing

@testable import CRM

@Suite("Room for customers who wait")
struct WaitingTests {
    /// Seller 1 has as many as he may, all since 2018-05-19, and one customer waits.
    private func full(_ lab: MoveLab, cap: Int = 2) async throws -> (owned: [Int], waiting: Int) {
        try await lab.freeze("2018-05-19 10:00")
        try await lab.cap(1, holding: cap, num: 5)
        var owned: [Int] = []
        for _ in 0..<cap { owned.append(try await lab.customer(of: 1)) }
        let waiting = try await lab.customer()
        try await lab.base.assign(customers: [waiting])
        #expect(try await lab.state(waiting).hasPrefix("pending"))
        return (owned, waiting)
    }

    /// Runs the newest job of the outbox.
    private func runAssignment(_ lab: MoveLab) async throws {
        let customers = try await lab.base.ints(
            """
            SELECT json_array_elements_text(args -> 'customer_ids')::bigint FROM paidan.outbox
            WHERE kind = 'customer.assign'
            """)
        try await lab.base.assign(customers: customers)
    }

    @Test("a release by a seller who was full wakes them; further ones wake nobody twice")
    func release() async throws {
        try await MoveLab.with { lab in
            let (owned, waiting) = try await full(lab)
            #expect(try await lab.assignments() == 0)
            for id in owned {
                #expect(try await word(lab.desk().release(id, reason: "不合适", by: MoveLab.seller(1))) == "done")
            }
            #expect(try await lab.assignments() == 1)
            try await runAssignment(lab)
            #expect(try await lab.state(waiting).hasPrefix("private 1 "))
        }
    }

    @Test("so do a transfer away, a grab of an overdue one, and a refusal that found one overdue")
    func otherLosses() async throws {
        try await MoveLab.with { lab in
            let (owned, _) = try await full(lab)
            #expect(try await word(lab.desk().transfer(owned[0], to: 2, by: MoveLab.manager())) == "done")
            #expect(try await lab.assignments() == 1)
            #expect(try await word(lab.desk().transfer(owned[0], to: 1, by: MoveLab.manager())) == "done")
            #expect(try await lab.assignments() == 1)
            try await lab.freeze("2018-05-23 00:00")
            #expect(try await word(lab.desk().followUp(owned[0], note: "聊过", by: MoveLab.seller(1))) == "expired")
            #expect(try await lab.assignments() == 2)
            // Without this he would have room already.
            try await lab.give(owned[0], to: 2)
            _ = try await lab.customer(of: 1)
            #expect(try await word(lab.desk().grab(owned[1], by: MoveLab.seller(3))) == "done")
            #expect(try await lab.assignments() == 3)
        }
    }

    @Test("nobody is woken by one who has no cap, has no share, is away, or was not full; nor if nobody waits")
    func noReason() async throws {
        try await MoveLab.with { lab in
            let (owned, waiting) = try await full(lab, cap: 6)
            func release(_ index: Int) async throws {
                let moved = try await lab.desk().release(owned[index], reason: "不合适", by: MoveLab.seller(1))
                #expect(word(moved) == "done")
            }
            try await lab.cap(1, num: 5)
            try await release(0)
            try await lab.cap(1, holding: 5, num: 0)
            try await release(1)
            try await lab.cap(1, holding: 5, num: 5)
            try await release(2)
            try await lab.cap(1, holding: 3, num: 5)
            _ = try await lab.base.pool.query(
                "INSERT INTO paidan.absence (user_id, from_on, to_on) VALUES (1, '2018-05-01', '2018-05-31')")
            try await release(3)
            _ = try await lab.base.pool.query("DELETE FROM paidan.absence")
            #expect(try await word(lab.desk().toPool(waiting, by: MoveLab.manager())) == "done")
            try await lab.cap(1, holding: 2, num: 5)
            try await release(4)
            #expect(try await lab.assignments() == 0)
        }
    }

    @Test("a follow-up takes nothing from anybody and looks at no cap")
    func followUp() async throws {
        try await MoveLab.with { lab in
            let (owned, _) = try await full(lab)
            #expect(try await word(lab.desk().followUp(owned[0], note: "聊过", by: MoveLab.seller(1))) == "moved")
            #expect(try await lab.assignments() == 0)
        }
    }
}
