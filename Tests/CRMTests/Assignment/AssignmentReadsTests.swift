import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite("What an assignment reads")
struct AssignmentReadsTests {
    @Test("of distributions, only its customers', though the table was empty when the session began")
    func distributions() async throws {
        try await AssignmentLab.with(sessions: 1) { lab in
            try await lab.set(SequenceVectors.base.shares, .laps)
            // Known to be empty: the planner then takes reading all of it for nearly free.
            _ = try await lab.pool.query("ANALYZE crm_customerdistribution")
            let customers = try await lab.addCustomers(1200)
            for first in stride(from: 0, to: customers.count, by: 40) {
                _ = try await lab.assign(customers: Array(customers[first..<first + 40]))
            }
            _ = try await lab.workers.query("SELECT pg_stat_force_next_flush()")
            let read = try await lab.pool.query(
                """
                SELECT t.seq_tup_read, i.idx_tup_read FROM pg_stat_user_tables t, pg_stat_user_indexes i
                WHERE t.relname = 'crm_customerdistribution' AND i.indexrelname = 'crm_customerdistribution_seller'
                """)[0]
            #expect(try read.int(0) == 0)
            #expect(try read.int(1) == 0)
            #expect(try await lab.ints("SELECT count(*) FROM crm_customerdistribution") == [1200])
        }
    }
}
