import Logging
import OwnerThread
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

    @Test("what finds customers by index is over when an import's end is told of all of them")
    func plans() async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(SequenceVectors.base.shares, .laps)
            let customers = try await lab.addCustomers(2)
            let seen = Lock<[String]>([])
            var hooks = lab.hooks
            hooks.assigned = { _, tx in
                let mode = try tx.query("SELECT current_setting('enable_seqscan')")[0].text(0)
                seen.withLock { $0.append("single \(mode)") }
            }
            hooks.chunkAssigned = { _, _, _, tx in
                let mode = try tx.query("SELECT current_setting('enable_seqscan')")[0].text(0)
                seen.withLock { $0.append("chunk \(mode)") }
            }
            let job = AssignmentJob(
                pool: lab.workers, list: lab.list, settings: { AssignmentSettings(strategy: .laps) }, hooks: hooks,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            _ = try await job.run([
                AssignmentTask(job: "one", arguments: AssignmentArguments(customers: [customers[0]])),
                AssignmentTask(
                    job: "two",
                    arguments: AssignmentArguments(customers: [customers[1]], chunk: .init(importID: 1, chunk: 1))),
            ])
            #expect(seen.withLock { $0 } == ["single off", "chunk on"])
            let mode = try await lab.workers.query("SELECT current_setting('enable_seqscan')")[0].text(0)
            #expect(mode == "on")
        }
    }
}
