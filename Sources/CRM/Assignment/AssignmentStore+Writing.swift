internal import Postgres

/// A customer that got a seller.
public struct NewOwner: Sendable, Equatable {
    public let customer: Int
    public let user: Int
    public let distribution: Int
}

/// Writes of the assignment: each statement takes all rows at once.
extension AssignmentStore {
    /// Carries the plan out. Every slot is changed only while it is free.
    ///
    /// - Returns: the new owners, in the order of the customers.
    static func write(
        _ plan: AssignmentPlan, strategy: AssignmentStrategy, ground: AssignmentGround, in tx: inout Transaction
    ) throws -> [NewOwner] {
        let inOrder = plan.assignments.sorted { $0.index < $1.index }
        let owners = try distribute(inOrder, in: &tx)
        var distributions: [Int: Int] = [:]
        distributions.reserveCapacity(owners.count)
        for (assignment, owner) in zip(inOrder, owners) { distributions[assignment.index] = owner.distribution }
        var changes: [Statement<Void>] = []
        if let cycle = ground.openCycle {
            let used = inOrder.filter { $0.slot.cycle == cycle }
            if !used.isEmpty { changes.append(use(used, of: cycle, distributions, ground)) }
            if !plan.voids.isEmpty { changes.append(void(plan.voids, of: cycle, ground)) }
            changes.append(closeIfSpent(ground))
        }
        if !plan.built.isEmpty {
            changes += build(plan, strategy, ground)
            changes.append(insertSlots(plan, inOrder, distributions, ground))
        }
        tx.later(changes)
        return owners
    }

    private static func distribute(
        _ assignments: [AssignmentPlan.Assignment], in tx: inout Transaction
    ) throws -> [NewOwner] {
        if assignments.isEmpty { return [] }
        let customers = assignments.map(\.customer)
        let users = assignments.map(\.slot.user)
        // Ids ascend with the order of the customers: the identity's default is taken row by row above the sort.
        let (_, rows) = try tx.run(
            change(
                "pending customers", assignments.count,
                // Scalar subqueries are evaluated once: the day from a joined row would be asked for with each customer.
                """
                UPDATE crm_customer c SET consultant_id = given.user_id, recv_date = (SELECT paidan.today()),
                    last_consult_date = (SELECT paidan.today()), version = c.version + 1
                FROM unnest(\(customers)::int[], \(users)::int[]) given (customer_id, user_id)
                WHERE c.id = given.customer_id AND c.pool_state || '' = 'pending'
                """),
            Statement(
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin)
                SELECT given.user_id, given.customer_id, (SELECT paidan.today()), 1, 'auto'
                FROM unnest(\(customers)::bigint[], \(users)::bigint[]) WITH ORDINALITY
                    given (customer_id, user_id, place)
                ORDER BY given.place
                RETURNING id, customer_id
                """
            ) { $0 })
        var ids: [Int: Int] = [:]
        ids.reserveCapacity(rows.count)
        for row in rows { ids[try row.int(1)] = try row.int(0) }
        return try assignments.map { assignment in
            guard let id = ids[assignment.customer] else { throw AssignmentError.noRow }
            return NewOwner(customer: assignment.customer, user: assignment.slot.user, distribution: id)
        }
    }

    /// A statement that is to change `count` rows.
    private static func change(_ what: String, _ count: Int, _ sql: SQL) -> Statement<Void> {
        Statement(sql) { rows in
            guard rows.affected == count else { throw AssignmentError.changed(what, count, rows.affected) }
        }
    }

    private static func use(
        _ assignments: [AssignmentPlan.Assignment], of cycle: Int, _ distributions: [Int: Int],
        _ ground: AssignmentGround
    ) -> Statement<Void> {
        let positions = assignments.map(\.slot.position)
        let customers = assignments.map(\.customer)
        let ids = assignments.map { distributions[$0.index] }
        return change(
            "free slots of cycle \(cycle)", assignments.count,
            """
            UPDATE paidan.assign_slot s
            SET state = 'used', customer_id = taken.customer_id, distribution_id = taken.distribution_id,
                at = \(ground.moment)::timestamptz
            FROM unnest(\(positions)::int[], \(customers)::bigint[], \(ids)::bigint[])
                taken (pos, customer_id, distribution_id)
            WHERE s.cycle_no = \(cycle)::bigint AND s.pos = taken.pos AND s.state = 'free'
            """)
    }

    private static func void(
        _ voids: [AssignmentPlan.Void], of cycle: Int, _ ground: AssignmentGround
    ) -> Statement<Void> {
        let positions = voids.map(\.slot.position)
        let reasons = voids.map(\.reason.rawValue)
        return change(
            "free slots of cycle \(cycle)", voids.count,
            """
            UPDATE paidan.assign_slot s SET state = 'void', reason = voided.reason, at = \(ground.moment)::timestamptz
            FROM unnest(\(positions)::int[], \(reasons)::text[]) voided (pos, reason)
            WHERE s.cycle_no = \(cycle)::bigint AND s.pos = voided.pos AND s.state = 'free'
            """)
    }

    /// Closes the open cycle if no slot of it is free any more.
    static func closeIfSpent(_ ground: AssignmentGround) -> Statement<Void> {
        Statement(
            """
            UPDATE paidan.assign_cycle c SET closed_at = \(ground.moment)::timestamptz
            WHERE c.closed_at IS NULL AND NOT EXISTS (
                SELECT FROM paidan.assign_slot s WHERE s.cycle_no = c.cycle_no AND s.state = 'free')
            """)
    }

    private static func build(
        _ plan: AssignmentPlan, _ strategy: AssignmentStrategy, _ ground: AssignmentGround
    ) -> [Statement<Void>] {
        let numbers = plan.built.map(\.number)
        let closed = plan.built.map(\.isClosed)
        let users = plan.shares.map(\.user)
        let nums = plan.shares.map(\.num)
        let weights = plan.shares.map(\.weight)
        return [
            Statement(
                """
                INSERT INTO paidan.assign_cycle (cycle_no, strategy, rank_version, built_at, closed_at)
                SELECT built.cycle_no, \(strategy.rawValue), \(ground.rankVersion)::bigint,
                    \(ground.moment)::timestamptz, CASE WHEN built.closed THEN \(ground.moment)::timestamptz END
                FROM unnest(\(numbers)::bigint[], \(closed)::boolean[]) built (cycle_no, closed)
                """),
            Statement(
                """
                INSERT INTO paidan.assign_quota (cycle_no, user_id, num, weight)
                SELECT built.cycle_no, share.user_id, share.num, share.weight
                FROM unnest(\(numbers)::bigint[]) built (cycle_no),
                    unnest(\(users)::bigint[], \(nums)::int[], \(weights)::int[]) share (user_id, num, weight)
                """),
        ]
    }

    /// Slots of new cycles are written once, in the state in which the plan leaves them.
    private static func insertSlots(
        _ plan: AssignmentPlan, _ assignments: [AssignmentPlan.Assignment], _ distributions: [Int: Int],
        _ ground: AssignmentGround
    ) -> Statement<Void> {
        var customers: [Int: Int] = [:]
        for assignment in assignments { customers[assignment.index] = assignment.customer }
        var numbers: [Int] = []
        var positions: [Int] = []
        var users: [Int] = []
        var reasons: [String?] = []
        var customerIDs: [Int?] = []
        var distributionIDs: [Int?] = []
        for cycle in plan.built {
            for (index, state) in cycle.states.enumerated() {
                numbers.append(cycle.number)
                positions.append(index + 1)
                users.append(cycle.users[index])
                var reason: String?
                var customer: Int?
                var distribution: Int?
                switch state {
                case .free: break
                case .void(let why): reason = why.rawValue
                case .used(let place):
                    customer = customers[place]
                    distribution = distributions[place]
                }
                reasons.append(reason)
                customerIDs.append(customer)
                distributionIDs.append(distribution)
            }
        }
        return Statement(
            """
            INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, reason, customer_id, distribution_id, at)
            SELECT slot.cycle_no, slot.pos, slot.user_id,
                CASE WHEN slot.reason IS NOT NULL THEN 'void' WHEN slot.distribution_id IS NOT NULL THEN 'used'
                    ELSE 'free' END,
                slot.reason, slot.customer_id, slot.distribution_id,
                CASE WHEN slot.reason IS NOT NULL OR slot.distribution_id IS NOT NULL
                    THEN \(ground.moment)::timestamptz END
            FROM unnest(\(numbers)::bigint[], \(positions)::int[], \(users)::bigint[], \(reasons)::text[],
                \(customerIDs)::bigint[], \(distributionIDs)::bigint[])
                slot (cycle_no, pos, user_id, reason, customer_id, distribution_id)
            """)
    }
}
