import Jobs
import Postgres
import Testing

@testable import CRM

/// The edge cases of the business rules, one test a case, by its number: a customer's way through assignment and pool.
@Suite("Edge cases: assignment and pool")
struct EdgeCaseTests {
    @Test(
        "case 1: with nobody to take it a customer stays pending, the job succeeds, and the change that helps wakes it")
    func nobody() async throws {
        try await MoveLab.with { lab in
            let customer = try await lab.customer()
            guard case .done(let result) = try await lab.base.assign(customers: [customer]) else {
                Issue.record("the job did not succeed")
                return
            }
            #expect(result.map { String(decoding: $0, as: UTF8.self) }?.contains("no_capacity") == true)
            #expect(try await lab.state(customer).hasPrefix("pending"))
            let entries = [RankEntry(userID: 1, num: 1, weight: 1)]
            #expect(try await lab.base.desk.replaceRanks(entries, actor: "test").isEmpty)
            #expect(try await lab.assignments() == 1)
        }
    }

    @Test(
        "case 2: a pending customer is in no pool and grabbed by nobody; a manager assigns it or puts it into the pool")
    func pending() async throws {
        try await MoveLab.with { lab in
            let (first, second) = (try await lab.customer(), try await lab.customer())
            let pool = PoolSearch(pool: lab.base.pool, settings: PoolSettings())
            #expect(try await pool.page(.open, for: MoveLab.manager()).items.isEmpty)
            #expect(try await word(lab.desk().grab(first, by: MoveLab.seller(1))) == "pending")
            #expect(try await word(lab.desk().transfer(first, to: 1, by: MoveLab.manager())) == "done")
            #expect(try await word(lab.desk().toPool(second, by: MoveLab.manager())) == "done")
            #expect(try await pool.page(.open, for: MoveLab.manager()).items.map(\.customer.id) == ["\(second)"])
            let waiting = [try await lab.customer(), try await lab.customer()]
            let found = try await lab.base.service { try WaitingCustomers.waiting(limit: 10, in: &$0) }
            #expect(found == waiting.sorted())
        }
    }

    @Test(
        "case 4: a seller's own customer is private, both clocks run, no slot is used, and it counts to what he holds")
    func own() async throws {
        try await MoveLab.with { lab in
            try await lab.cap(1, holding: 1)
            let input = try CustomerInput(json: Array(#"{"qq": "100001", "name": "甲", "assign": "self"}"#.utf8))
            let store = CustomerStore(pool: lab.base.pool)
            guard case .created(let made) = try await store.create(input, seller: 1, actor: "user:101") else {
                Issue.record("not created")
                return
            }
            #expect(made.poolState == "private" && made.followDueOn != nil && made.dealDueOn != nil)
            #expect(try await lab.text("SELECT origin FROM crm_customerdistribution") == "self")
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot") == 0)
            let pooled = try await lab.pooled()
            #expect(try await word(lab.desk().grab(pooled, by: MoveLab.seller(1))) == "limit")
        }
    }

    @Test("case 6: an expired customer whom nobody grabs stays public, and is on the cold list after four weeks")
    func cold() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let customer = try await lab.customer(of: 1)
            let pool = PoolSearch(pool: lab.base.pool, settings: PoolSettings())
            for (day, isCold) in [("2018-05-23", false), ("2018-06-19", false), ("2018-06-20", true)] {
                try await lab.freeze("\(day) 10:00")
                #expect(try await pool.page(.open, for: MoveLab.manager()).items.map(\.customer.id) == ["\(customer)"])
                #expect(try await pool.page(.cold, for: MoveLab.manager()).items.isEmpty == !isCold, "\(day)")
            }
        }
    }

    @Test(
        "case 7: a public customer whom no seller may have is on the exhausted list; a manager assigns it nevertheless")
    func exhausted() async throws {
        try await MoveLab.with { lab in
            let customer = try await lab.pooled()
            try await lab.base.bar(Array(1...9), from: customer)
            let pool = PoolSearch(pool: lab.base.pool, settings: PoolSettings())
            #expect(try await pool.page(.exhausted, for: MoveLab.manager()).items.map(\.customer.id) == ["\(customer)"])
            #expect(try await word(lab.desk().grab(customer, by: MoveLab.seller(3))) == "former_owner")
            #expect(try await word(lab.desk().transfer(customer, to: 3, by: MoveLab.manager())) == "done")
        }
    }

    @Test(
        "case 8: a barred seller's slot is passed over and first for the next; one whom nobody may have stays pending")
    func passedOver() async throws {
        try await MoveLab.with { lab in
            let shares = [CycleShare(user: 1, num: 1, weight: 2), CycleShare(user: 2, num: 1, weight: 1)]
            try await lab.base.set(shares, .laps)
            let (barred, next, none) = (try await lab.customer(), try await lab.customer(), try await lab.customer())
            try await lab.base.bar([1], from: barred)
            try await lab.base.bar([1, 2], from: none)
            for customer in [barred, next] { try await lab.base.assign(customers: [customer]) }
            #expect(try await lab.base.consultants(of: [barred, next]) == [2, 1])
            guard case .done = try await lab.base.assign(customers: [none]) else {
                Issue.record("the job did not succeed")
                return
            }
            #expect(try await lab.state(none).hasPrefix("pending"))
            let pool = PoolSearch(pool: lab.base.pool, settings: PoolSettings())
            for list in PoolList.allCases {
                #expect(try await pool.page(list, for: MoveLab.manager()).items.isEmpty, "\(list)")
            }
        }
    }

    @Test(
        "case 9: A loses it, B grabs and loses it: A may not have it again, but may where only the last owner is barred"
    )
    func roundAbout() async throws {
        for (mode, end) in [("any_former", "former_owner"), ("last_owner", "done")] {
            try await MoveLab.with { lab in
                try await lab.set("former_owner", mode)
                try await lab.freeze("2018-05-01 10:00")
                let customer = try await lab.customer(of: 1)
                try await lab.freeze("2018-05-05 10:00")
                #expect(try await word(lab.desk().grab(customer, by: MoveLab.seller(2))) == "done")
                try await lab.freeze("2018-05-09 10:00")
                #expect(try await word(lab.desk().grab(customer, by: MoveLab.seller(2))) == "former_owner")
                #expect(try await word(lab.desk().grab(customer, by: MoveLab.seller(1))) == end, "\(mode)")
            }
        }
    }

    @Test("case 10: of two grabs at once one has it and the other is told that it is taken")
    func race() async throws {
        try await MoveLab.with { lab in
            for _ in 1...10 {
                let customer = try await lab.pooled()
                async let first = lab.desk().grab(customer, by: MoveLab.seller(1))
                async let second = lab.desk().grab(customer, by: MoveLab.seller(2))
                #expect(try await [word(first), word(second)].sorted() == ["done", "taken"])
            }
        }
    }

    @Test("case 11: an overdue customer that no sweep has met is grabbed, but not by the one who has just lost it")
    func unswept() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let customer = try await lab.customer(of: 1)
            try await lab.freeze("2018-05-25 10:00")
            #expect(try await word(lab.desk().grab(customer, by: MoveLab.seller(1))) == "former_owner")
            #expect(try await word(lab.desk().grab(customer, by: MoveLab.seller(2))) == "done")
            #expect(try await lab.state(customer).hasSuffix("1:3:2018-05-23 2:1:-"))
        }
    }
}
