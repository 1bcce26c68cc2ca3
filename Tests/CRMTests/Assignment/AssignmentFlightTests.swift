import Jobs
import Postgres
import Testing

@testable import CRM

/// Many jobs in hand: the next transaction begins while the last one commits.
@Suite struct AssignmentFlightTests {
    /// Four runs of 32 jobs at a time, until all are done.
    private func assign(_ customers: [Int], _ lab: AssignmentLab) async throws {
        let runs = stride(from: 0, to: customers.count, by: 32).map { start in
            customers[start..<min(start + 32, customers.count)].map {
                AssignmentTask(job: lab.newJobID(), arguments: AssignmentArguments(customers: [$0]))
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<4 {
                group.addTask {
                    for run in stride(from: lane, to: runs.count, by: 4) {
                        let outcomes = try await lab.assignTogether(runs[run])
                        #expect(outcomes.count == runs[run].count)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("slots are taken in their order, none is passed over, cycle after cycle")
    func order() async throws {
        try await AssignmentLab.with(sessions: 4) { lab in
            try await lab.set([150, 90, 60].enumerated().map { CycleShare(user: $0 + 1, num: $1, weight: $0) }, .laps)
            let customers = try await lab.addCustomers(1000)
            try await assign(customers, lab)
            let taken = try await lab.pool.query(
                """
                SELECT s.cycle_no, s.pos FROM paidan.assign_slot s JOIN crm_customerdistribution d ON d.id = s.distribution_id
                ORDER BY d.id
                """
            ).map { [try $0.int(0), try $0.int(1)] }
            #expect(taken == (0..<1000).map { [1 + $0 / 300, 1 + $0 % 300] })
            try await AssignmentOracle.check(lab.pool, run: "in flight")
        }
    }
}
