public import Postgres

/// Forecasts an assignment from the tables as they are now, changing and locking nothing.
public struct AssignmentPreview: AssignmentForecast {
    private let pool: PostgresPool
    private let strategy: @Sendable () -> AssignmentStrategy

    public init(pool: PostgresPool, strategy: @escaping @Sendable () -> AssignmentStrategy) {
        self.pool = pool
        self.strategy = strategy
    }

    public func sellers(for count: Int) async throws -> [Int?] {
        guard count > 0 else { return [] }
        let strategy = strategy()
        var input = try await pool.transaction { tx in
            let cycles = try tx.query(
                """
                SELECT (SELECT cycle_no FROM paidan.assign_cycle WHERE closed_at IS NULL),
                    coalesce((SELECT max(cycle_no) FROM paidan.assign_cycle), 0)
                """)[0]
            var input = AssignmentInput(
                strategy: strategy, openCycle: try cycles.optionalInt(0), lastCycle: try cycles.int(1),
                sellers: try AssignmentStore.sellers(in: &tx), customers: [])
            if let cycle = input.openCycle {
                input.tokens = try AssignmentStore.freeSlots(of: cycle, after: 0, count: .max >> 33, in: &tx)
            }
            return input
        }
        input.customers = (0..<count).map { WaitingCustomer(id: $0) }
        let plan = AssignmentPlanner.plan(input) { _ in [] }
        var sellers = [Int?](repeating: nil, count: count)
        for assignment in plan.assignments { sellers[assignment.index] = assignment.slot.user }
        return sellers
    }
}
