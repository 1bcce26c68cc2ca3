internal import Postgres

/// A seller leaves: his free slots become void, his customers wait for another seller.
enum Offboard {
    struct Result: Sendable, Equatable {
        var customers = 0
        var slots = 0
        var load: CycleLoad?

        var json: [UInt8] { Array("{\"customers\":\(customers),\"slots\":\(slots)}".utf8) }
    }

    static func run(user: Int, hooks: AssignmentHooks, in tx: inout Transaction) throws -> Result {
        try Author.set("job:seller.offboard", in: &tx)
        let ground = try AssignmentStore.lock(in: &tx)
        try lockCustomers(of: user, in: &tx)
        // A job for somebody who is still a seller is an order to end that.
        _ = try tx.query(
            """
            UPDATE crm_userinfo SET is_active = false
            WHERE id = \(user)::bigint AND is_active AND depart_id = 1001
            """)
        let customers = try takeCustomers(of: user, in: &tx)
        var result = Result(customers: customers.count)
        result.slots = try SlotRelease.void(users: [user], .left, ground, in: &tx)
        if result.slots > 0 { result.load = try AssignmentStore.load(in: &tx) }
        if !customers.isEmpty { try hooks.offboarded(user, customers.count, &tx) }
        try WaitingCustomers.enqueue(in: &tx)
        return result
    }

    /// What was overdue belongs to the pool, as if midnight had come before he left.
    private static func lockCustomers(of user: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            SELECT paidan.expire_customer(held.id) FROM (
                SELECT c.id FROM crm_customer c WHERE c.id IN (
                    SELECT customer_id FROM crm_customerdistribution WHERE user_id = \(user)::bigint AND status = 1)
                ORDER BY c.id FOR NO KEY UPDATE) held
            """)
    }

    /// - Returns: customers that are pending now.
    private static func takeCustomers(of user: Int, in tx: inout Transaction) throws -> [Int] {
        let customers = try tx.query(
            """
            UPDATE crm_customerdistribution SET status = 8, ended_on = paidan.today()
            WHERE user_id = \(user)::bigint AND status = 1 RETURNING customer_id
            """
        ).map { try $0.int(0) }
        if customers.isEmpty { return [] }
        _ = try tx.query(
            """
            UPDATE crm_customer SET consultant_id = NULL, pool_since = NULL, version = version + 1
            WHERE id = ANY(\(customers)::bigint[]) AND consultant_id = \(user)::bigint
            """)
        return customers
    }
}
