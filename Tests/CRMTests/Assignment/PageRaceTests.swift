import OwnerThread
import Postgres
import Testing

@testable import CRM

@Suite("A page of the CRM gives a waiting customer to somebody, the distribution first")
struct PageRaceTests {
    private func at(_ time: String, _ lab: AssignmentLab) async throws {
        _ = try await lab.pool.query(
            """
            INSERT INTO paidan.setting (name, value)
            VALUES ('clock_offset', (\(time)::timestamp AT TIME ZONE 'Asia/Shanghai' - pg_catalog.now())::text)
            ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
            """)
    }

    private func pageGives(_ customer: Int, to seller: Int, _ lab: AssignmentLab) async throws {
        _ = try await lab.pool.query(
            """
            INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status)
            VALUES (\(seller)::int, \(customer)::int, paidan.today(), 1)
            """)
    }

    @Test("the assignment leaves it to the page and takes the others; after a minute it is mended and assigned")
    func left() async throws {
        try await AssignmentLab.with { lab in
            try await at("2018-05-19 10:00", lab)
            try await lab.set(SequenceVectors.base.shares, .laps)
            let customers = try await lab.addCustomers(3)
            try await pageGives(customers[1], to: 1, lab)
            try await lab.assign(customers: customers)
            let pending: SQL = "SELECT id FROM crm_customer WHERE pool_state = 'pending'"
            #expect(try await lab.ints(pending) == [customers[1]])
            try await at("2018-05-19 10:10", lab)
            #expect(try await lab.ints("SELECT paidan.mend_written()") == [1])
            try await lab.assign(customers: customers)
            #expect(try await lab.ints(pending) == [])
            #expect(try await lab.pool.transaction { try Invariants.violations(in: &$0) } == [])
        }
    }

    @Test("a page waits for whoever holds the customer before it has written anything")
    func order() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(SequenceVectors.base.shares, .laps)
            let customer = try await lab.addCustomers(1)[0]
            let isHeld = OneShot<Void, Never>()
            async let refusal: String? = {
                await isHeld.value()
                do { try await pageGives(customer, to: 1, lab) } catch let error as PostgresError {
                    return error.sqlState
                }
                return nil
            }()
            try await lab.service { tx in
                _ = try tx.query("SELECT FROM crm_customer WHERE id = \(customer)::int FOR NO KEY UPDATE")
                isHeld.answer(.success(()))
                let waiting: SQL =
                    "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
                for _ in 0..<1000 where try tx.query(waiting).isEmpty { _ = try tx.query("SELECT pg_sleep(0.01)") }
                // Had the page written first, this would wait for it, and it for us.
                _ = try tx.query("SET LOCAL lock_timeout = '300ms'")
                try OwnershipStore.give(customer, to: 2, .manual, in: &tx)
            }
            #expect(try await refusal == "23505")
        }
    }

    @Test("at once: one of the two has it, nobody waits for the other in a circle")
    func atOnce() async throws {
        try await AssignmentLab.with { lab in
            try await at("2018-05-19 10:00", lab)
            try await lab.set(SequenceVectors.base.shares, .laps)
            let customers = try await lab.addCustomers(60)
            let refused = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var refused = 0
                    for customer in customers.reversed() {
                        do { try await pageGives(customer, to: 1, lab) } catch let error as PostgresError {
                            #expect(error.sqlState == "23505")
                            refused += 1
                        }
                    }
                    return refused
                }
                group.addTask {
                    for start in stride(from: 0, to: 60, by: 5) {
                        try await lab.assign(customers: Array(customers[start..<start + 5]))
                    }
                    return 0
                }
                return try await group.reduce(0, +)
            }
            try await at("2018-05-19 10:10", lab)
            _ = try await lab.pool.query("SELECT paidan.mend_written()")
            try await lab.assign(customers: customers)
            let counts = try await lab.ints(
                """
                SELECT count(*) FILTER (WHERE status = 1) FROM crm_customerdistribution
                UNION ALL SELECT count(*) FROM crm_customerdistribution WHERE origin = 'crm' AND status = 5
                """)
            #expect(counts.sorted() == [60, 60 - refused].sorted())
            #expect(try await lab.pool.transaction { try Invariants.violations(in: &$0) } == [])
        }
    }
}
