internal import JobsPostgres
public import Postgres

/// Customers that wait for a seller, and what is done about them.
public enum WaitingCustomers {
    /// Customers in one job.
    static let batch = 1000
    /// Time without capacity after which managers are told.
    static let alertAfterSeconds = 30 * 60
    private static let sinceSetting = "no_capacity_since"

    /// Enqueues `customer.assign` for pending customers, oldest first, if somebody can take them.
    ///
    /// To be called in the transaction of each change that may make a seller assignable, and every few minutes: days
    /// end too. Customers of an import whose own assignment jobs are still to run are left to those.
    /// - Parameter limit: most customers of one call; the next call takes the rest.
    /// - Returns: how many.
    @discardableResult
    public static func enqueue(limit: Int = 10_000, in tx: inout Transaction) throws -> Int {
        let ids = try waiting(limit: limit, in: &tx)
        if ids.isEmpty { return 0 }
        try AssignmentStore.makeRoom(in: &tx)
        guard try AssignmentStore.sellers(in: &tx).contains(where: { $0.refusal == nil }) else { return 0 }
        var jobs: [OutboxJob] = []
        for start in stride(from: 0, to: ids.count, by: batch) {
            jobs.append(assignment(of: Array(ids[start..<min(start + batch, ids.count)])))
        }
        if !jobs.isEmpty { try Outbox.append(jobs, in: &tx) }
        return ids.count
    }

    /// Pending customers by id, oldest first.
    public static func waiting(limit: Int, in tx: inout Transaction) throws -> [Int] {
        try tx.query(
            """
            SELECT c.id FROM crm_customer c
            WHERE c.pool_state = 'pending' AND NOT EXISTS (
                SELECT FROM paidan.import_chunk k WHERE k.import_id = c.import_id AND k.assigned_at IS NULL)
            ORDER BY c.id LIMIT \(limit)::int
            """
        ).map { try $0.int(0) }
    }

    static func assignment(of customers: [Int]) -> OutboxJob {
        OutboxJob(
            kind: AssignmentJob.kind, args: AssignmentArguments(customers: customers).json, queue: "critical", key: nil,
            delay: nil, maxAttempts: nil, traceparent: nil)
    }

    /// Remembers since when customers find nobody.
    static func note(in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.setting (name, value)
            VALUES (\(sinceSetting), extract(epoch FROM paidan.now())::bigint::text) ON CONFLICT DO NOTHING
            """)
    }

    /// Tells managers once when customers have waited for 30 minutes with nobody to take them; to be called every few
    /// minutes.
    public static func checkCapacity(_ hooks: AssignmentHooks, in tx: inout Transaction) throws {
        let waiting = try waiting(limit: 1_000_000, in: &tx).count
        let assignable = try AssignmentStore.sellers(in: &tx).contains { $0.refusal == nil }
        guard waiting > 0, !assignable else {
            _ = try tx.query("DELETE FROM paidan.setting WHERE name = \(sinceSetting)")
            return
        }
        try note(in: &tx)
        let rows = try tx.query(
            """
            SELECT value::bigint, extract(epoch FROM paidan.now())::bigint - value::bigint FROM paidan.setting
            WHERE name = \(sinceSetting)
            """)
        guard let row = rows.first, try row.int(1) >= alertAfterSeconds else { return }
        try hooks.noCapacity(waiting, try row.int(0), &tx)
    }
}
