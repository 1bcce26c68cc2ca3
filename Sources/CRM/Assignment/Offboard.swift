internal import JobsPostgres
internal import Postgres

/// A seller leaves: his free slots become void, his customers wait for another seller.
enum Offboard {
    struct Result: Sendable, Equatable {
        var customers = 0
        var slots = 0
        var load: CycleLoad?

        var json: [UInt8] { Array("{\"customers\":\(customers),\"slots\":\(slots)}".utf8) }
    }

    /// - Parameter leftAfter: he has left, when this was the newest distribution; `nil` is an order to leave now. Who
    ///   is back keeps what he got since, and takes his share of the next cycle.
    static func run(
        user: Int, leftAfter: Int?, hooks: AssignmentHooks, in tx: inout Transaction
    ) throws -> Result {
        Author.set("job:seller.offboard", in: &tx)
        let ground = try AssignmentStore.lock(in: &tx)
        let held = try lockCustomers(of: user, in: &tx)
        var last: Int?
        if let leftAfter {
            if try OwnershipStore.lockSeller(user, in: &tx) { last = leftAfter }
        } else {
            try switchOff(user, in: &tx)
        }
        let customers = try takeCustomers(held, of: user, upTo: last, in: &tx)
        try goOn(user, upTo: last, in: &tx)
        var result = Result(customers: customers.count)
        result.slots = try SlotRelease.void(users: [user], .left, ground, in: &tx)
        if result.slots > 0 { result.load = try AssignmentStore.load(in: &tx) }
        if !customers.isEmpty { try hooks.offboarded(user, customers.count, &tx) }
        try WaitingCustomers.enqueue(in: &tx)
        try AuditLog.record(
            "seller.offboard", "crm_userinfo", String(user),
            after: """
                jsonb_build_object('customers', \(result.customers)::int, 'slots', \(result.slots)::int)
                """, in: &tx)
        return result
    }

    private static func switchOff(_ user: Int, in tx: inout Transaction) throws {
        let switched = try tx.query(
            """
            UPDATE crm_userinfo SET is_active = false
            WHERE id = \(user)::bigint AND is_active AND depart_id = 1001
            """)
        guard switched.affected > 0 else { return }
        try AuditLog.record(
            "user.deactivate", "crm_userinfo", String(user), before: "jsonb_build_object('is_active', true)",
            after: "jsonb_build_object('is_active', false)", in: &tx)
    }

    /// What was overdue belongs to the pool, as if midnight had come before he left.
    ///
    /// - Returns: those that are locked now.
    private static func lockCustomers(of user: Int, in tx: inout Transaction) throws -> [Int] {
        try tx.query(
            """
            SELECT held.id, paidan.expire_customer(held.id) FROM (
                SELECT c.id FROM crm_customer c WHERE c.id IN (
                    SELECT customer_id FROM crm_customerdistribution WHERE user_id = \(user)::bigint AND status = 1)
                ORDER BY c.id FOR NO KEY UPDATE) held
            """
        ).map { try $0.int(0) }
    }

    /// What he got between the look at his customers and his end has no lock of ours: another job takes it.
    private static func goOn(_ user: Int, upTo last: Int?, in tx: inout Transaction) throws {
        let more = try tx.query(
            """
            SELECT FROM crm_customerdistribution
            WHERE user_id = \(user)::bigint AND status = 1 AND (\(last)::bigint IS NULL OR id <= \(last)::bigint) LIMIT 1
            """)
        if more.isEmpty { return }
        let left = last.map { ",\"left_after\":\($0)" } ?? ""
        try Outbox.append(
            [OutboxJob(kind: OffboardJob.kind, args: Array("{\"user_id\":\(user)\(left)}".utf8))], in: &tx)
    }

    /// - Returns: customers that are pending now.
    private static func takeCustomers(
        _ held: [Int], of user: Int, upTo last: Int?, in tx: inout Transaction
    ) throws -> [Int] {
        let customers = try tx.query(
            """
            UPDATE crm_customerdistribution SET status = 8, ended_on = paidan.today()
            WHERE user_id = \(user)::bigint AND status = 1 AND customer_id = ANY(\(held)::bigint[])
                AND (\(last)::bigint IS NULL OR id <= \(last)::bigint)
            RETURNING customer_id
            """
        ).map { try $0.int(0) }
        if customers.isEmpty { return [] }
        _ = try tx.query(
            """
            WITH freed AS (
                UPDATE crm_customer SET consultant_id = NULL, pool_since = NULL, protected_until = NULL,
                    version = version + 1
                WHERE id = ANY(\(customers)::bigint[]) AND consultant_id = \(user)::bigint RETURNING id
            )
            INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
            SELECT 'customer.offboard', 'crm_customer', id, jsonb_build_object('consultant_id', \(user)::bigint),
                '{"consultant_id": null}'
            FROM freed ORDER BY id
            """)
        return customers
    }
}
