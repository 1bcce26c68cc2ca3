import Foundation
import Jobs
import Logging
import OwnerThread
import Postgres
import Testing

@testable import CRM

/// The assignment's transaction and its neighbours on PostgreSQL, one promise a test.
@Suite("Assignment store") struct AssignmentStoreTests {
    private let base = SequenceVectors.base.shares

    private func result(_ outcome: Outcome) -> String {
        guard case .done(let json) = outcome else { return "\(outcome)" }
        return json.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    @Test("one transaction writes slot, customer, distribution and event; dates are today")
    func effect() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = try await lab.addCustomers(2)
            #expect(
                result(try await lab.assign(customers: customers)) == #"{"result":"assigned","assigned":2,"pending":0}"#
            )
            let rows = try await lab.pool.query(
                """
                SELECT c.pool_state, c.recv_date = paidan.today() AND c.last_consult_date = paidan.today(),
                    d.ctime = paidan.today() AND d.status = 1 AND d.ended_on IS NULL, d.origin, s.pos
                FROM crm_customer c JOIN crm_customerdistribution d ON d.customer_id = c.id AND d.user_id = c.consultant_id
                    JOIN paidan.assign_slot s ON s.distribution_id = d.id ORDER BY d.id
                """)
            #expect(try rows.map { try $0.int(4) } == [1, 2])
            for row in rows {
                #expect(try row.text(0) == "private" && row.bool(1) && row.bool(2) && row.text(3) == "auto")
            }
            #expect(lab.told.withLock { $0.map(\.customer) } == customers)
        }
    }

    @Test("customers take slots in the order of customer_ids, and distribution ids ascend with it")
    func fileOrder() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = Array(try await lab.addCustomers(14).reversed())
            try await lab.assign(customers: customers)
            let byDistribution = try await lab.ints("SELECT customer_id FROM crm_customerdistribution ORDER BY id")
            #expect(byDistribution == customers)
            #expect(try await lab.consultants(of: customers) == SequenceRow.users("c b a b a a c b a b a a c b"))
        }
    }

    @Test("the same job twice, and another job for the same customers, change nothing")
    func once() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = try await lab.addCustomers(2)
            try await lab.assign(customers: customers, job: "a")
            #expect(result(try await lab.assign(customers: customers, job: "a")).contains("done_before"))
            #expect(
                result(try await lab.assign(customers: customers, job: "b"))
                    == #"{"result":"assigned","assigned":0,"pending":0}"#)
            #expect(try await lab.states(ofCycle: 1) == ["used", "used", "free", "free", "free", "free"])
            #expect(lab.list.tokens.map(\.position) == [3, 4, 5, 6])
        }
    }

    @Test("nobody assignable: the job succeeds with no_capacity; managers hear of it once after 30 minutes")
    func noCapacity() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set([CycleShare(user: 1, num: 0, weight: 1)], .laps)
            let customers = try await lab.addCustomers(3)
            #expect(
                result(try await lab.assign(customers: customers))
                    == #"{"result":"no_capacity","assigned":0,"pending":3}"#)
            let hooks = lab.hooks
            try await lab.service { try WaitingCustomers.checkCapacity(hooks, in: &$0) }
            #expect(lab.alarms.withLock { $0.isEmpty })
            _ = try await lab.pool.query(
                """
                INSERT INTO paidan.setting VALUES ('clock_offset', '31 minutes')
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """)
            try await lab.service { try WaitingCustomers.checkCapacity(hooks, in: &$0) }
            try await lab.service { try WaitingCustomers.checkCapacity(hooks, in: &$0) }
            let alarms = lab.alarms.withLock { $0 }
            #expect(alarms.map { $0[0] } == [3, 3])
            // The same moment each time, so that the event's dedupe key is the same.
            #expect(Set(alarms.map { $0[1] }).count == 1)
        }
    }

    @Test("waiting customers are enqueued oldest first by the change that makes somebody assignable")
    func waiting() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set([CycleShare(user: 1, num: 0, weight: 1)], .laps)
            let customers = try await lab.addCustomers(3)
            try await lab.assign(customers: customers)
            #expect(try await lab.ints("SELECT count(*) FROM paidan.outbox") == [0])
            try await lab.set(base, .laps)
            let args = try await lab.pool.query("SELECT args::text FROM paidan.outbox WHERE kind = 'customer.assign'")
            #expect(
                try args.map { try $0.text(0) } == [
                    String(decoding: AssignmentArguments(customers: customers).json, as: UTF8.self)
                ])
        }
    }

    @Test("customers of an import whose own assignment is still to come are left to it")
    func importWaiting() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            _ = try await lab.pool.query("INSERT INTO paidan.import_batch (id) VALUES (5)")
            _ = try await lab.pool.query("INSERT INTO paidan.import_chunk VALUES (5, 0, 1, 2)")
            _ = try await lab.addCustomers(2, importID: 5)
            let single = try await lab.addCustomers(1)
            #expect(try await lab.service { try WaitingCustomers.waiting(limit: 9, in: &$0) } == single)
        }
    }

    @Test("an import chunk's transaction tells the import, not each customer")
    func chunk() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = try await lab.addCustomers(3, importID: 5)
            let task = AssignmentTask(
                job: "c", arguments: AssignmentArguments(customers: customers, chunk: .init(importID: 5, chunk: 2)))
            _ = try await lab.job.run([task])
            _ = try await lab.job.run([task])
            #expect(lab.chunks.withLock { $0 } == [[5, 2, 3]])
            #expect(lab.told.withLock { $0.isEmpty })
        }
    }

    @Test("one bad job of a batch fails alone")
    func isolation() async throws {
        struct Bad: Error {}
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = try await lab.addCustomers(2)
            var hooks = lab.hooks
            let bad = customers[0]
            hooks.assigned = { owners, _ in if owners.contains(where: { $0.customer == bad }) { throw Bad() } }
            let job = AssignmentJob(
                pool: lab.pool, list: lab.list, settings: { AssignmentSettings() }, hooks: hooks,
                logger: .init(label: "t"))
            let outcomes = try await job.run(
                customers.map { AssignmentTask(job: "j\($0)", arguments: AssignmentArguments(customers: [$0])) })
            guard case .retry = outcomes[0] else { throw Bad() }
            #expect(result(outcomes[1]).contains(#""assigned":1"#))
            #expect(try await lab.consultants(of: customers) == [nil, 3])
        }
    }

    @Test("undo: freed slots are handed out again before later ones; in a closed cycle they are void")
    func undo() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = try await lab.addCustomers(8)
            try await lab.assign(customers: Array(customers[0..<4]))
            try await lab.undo([customers[1]])
            #expect(try await lab.assign(1) == [2])
            try await lab.assign(customers: Array(customers[4..<8]))
            try await lab.undo([customers[0], customers[7]])
            #expect(try await lab.states(ofCycle: 1) == ["undone", "used", "used", "used", "used", "used"])
            #expect(try await lab.states(ofCycle: 2).prefix(3) == ["used", "free", "free"])
            try await AssignmentOracle.check(lab.pool, run: "undo")
        }
    }

    @Test("offboard: open rows become 8, overdue ones expire, customers wait and are enqueued, slots are void")
    func offboard() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let customers = try await lab.addCustomers(3)
            try await lab.assign(customers: customers)
            let overdue = try await lab.addCustomers(1)[0]
            try await lab.service { tx in
                _ = try tx.query(
                    """
                    UPDATE crm_customer SET consultant_id = 1, recv_date = paidan.today() - 30,
                        last_consult_date = paidan.today() - 30 WHERE id = \(overdue)::bigint
                    """)
                _ = try tx.query(
                    """
                    INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, origin)
                    VALUES (1, \(overdue)::bigint, paidan.today() - 30, 'self')
                    """)
            }
            _ = try await lab.offboard.run(job: "o", user: 1)
            let statuses = try await lab.ints(
                "SELECT status FROM crm_customerdistribution WHERE user_id = 1 ORDER BY id")
            #expect(statuses == [8, 3])
            let states = try await lab.pool.query("SELECT pool_state FROM crm_customer ORDER BY id").map {
                try $0.text(0)
            }
            #expect(states == ["private", "private", "pending", "public"])
            #expect(try await lab.states(ofCycle: 1) == ["used", "used", "used", "free", "left", "left"])
            #expect(
                try await lab.ints("SELECT count(*) FROM paidan.outbox WHERE kind = 'customer.assign'") == [1])
            #expect(result(try await lab.offboard.run(job: "o", user: 1)) == "")
        }
    }

    @Test("fairness tells used, void by reason and free; the open cycle is shown until it closes")
    func fairness() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            #expect(try await lab.desk.openCycle() == nil)
            _ = try await lab.assign(2)
            let day = try await lab.pool.query("SELECT paidan.today()::text")[0].text(0)
            _ = try await lab.desk.addAbsence(user: 1, from: day, to: day, actor: "test")
            #expect(
                try await lab.desk.openCycle()?.slots.map(\.state) == ["used", "used", "free", "free", "free", "free"])
            _ = try await lab.assign(1)
            let cycles = try await lab.desk.fairness(from: day, to: nil)
            #expect(cycles.map(\.isClosed) == [false])
            #expect(cycles[0].sellers.map(\.used) == [0, 2, 1])
            #expect(cycles[0].sellers[0].reasons == ["leave": 1])
            _ = try await lab.assign(1)
            #expect(try await lab.states(ofCycle: 1) == ["used", "used", "leave", "used", "leave", "leave"])
            #expect(try await lab.desk.fairness(from: nil, to: "2000-01-01").isEmpty)
        }
    }

    @Test("shares are refused with every problem, and a refused list changes nothing")
    func badRanks() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            let problems = try await lab.desk.replaceRanks(
                [
                    RankEntry(userID: 1, num: 1001, weight: 1), RankEntry(userID: 1, num: -1, weight: 1),
                    RankEntry(userID: 2, num: 1, weight: 1, dailyCap: -1),
                ], actor: "test")
            #expect(problems.map(\.pointer) == ["/0/num", "/1/user_id", "/1/num", "/2/daily_cap"])
            let unknown = try await lab.desk.replaceRanks([RankEntry(userID: 99, num: 1, weight: 1)], actor: "test")
            #expect(unknown.map(\.code) == ["unknown_user"])
            #expect(try await lab.desk.ranks().map(\.num) == [1, 2, 3])
        }
    }

    @Test("a list replaces the whole: who is missing gets 0, his free slots are void at once")
    func replaceRanks() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(base, .laps)
            _ = try await lab.assign(1)
            let before = try await lab.ints("SELECT paidan.setting('rank_version', '1')::int")[0]
            #expect(
                try await lab.desk.replaceRanks([RankEntry(userID: 1, num: 3, weight: 1, holdingCap: 4)], actor: "test")
                    == [])
            #expect(try await lab.desk.ranks().map(\.num) == [0, 0, 3])
            #expect(try await lab.desk.ranks().last?.holdingCap == 4)
            #expect(try await lab.states(ofCycle: 1) == ["used", "num", "free", "num", "free", "free"])
            #expect(lab.list.tokens.map(\.position) == [3, 5, 6])
            let after = try await lab.ints("SELECT paidan.setting('rank_version', '1')::int")[0]
            #expect(after > before)
            #expect(lab.list.reset == after)
        }
    }

    @Test(
        "ids are taken as numbers or strings; anything else is refused",
        arguments: [
            (#"{"customer_ids":[1,"2"]}"#, [1, 2]), (#"{"customer_ids":[]}"#, []), (#"{"customer_ids":[0]}"#, nil),
            (#"{"customer_ids":["x"]}"#, nil), (#"{}"#, nil), (#"{"customer_ids":[1],"chunk":1}"#, nil),
        ])
    func arguments(json: String, customers: [Int]?) {
        let decoded = try? JSONDecoder().decode(AssignmentArguments.self, from: Data(json.utf8))
        #expect(decoded?.customers == customers)
    }
}
