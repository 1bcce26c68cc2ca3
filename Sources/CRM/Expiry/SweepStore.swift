internal import JobsPostgres
internal import Postgres

/// The sweep's statements. Each batch is one transaction: its customers, their distributions, the audit and the record.
enum SweepStore {
    /// Where a sweep stands when its job starts.
    enum Start: Sendable {
        case going(ExpiryDay)
        /// It was done, or cancelled, before.
        case ended(SweepCounts, asOf: String)
        /// Its day has not come.
        case future(today: String)
    }

    /// Puts the sweep on record, or finds it there.
    static func begin(_ job: String, _ asOf: String?, in tx: inout Transaction) throws -> Start {
        Author.set("job:\(job)", in: &tx)
        if try Receipts.outcome(of: job, in: &tx) != nil {
            let (counts, day) = try counts(of: job, in: &tx)
            return .ended(counts, asOf: day ?? asOf ?? "")
        }
        let today = try tx.query("SELECT paidan.today()")[0].text(0)
        // Days written so are in the order of their texts.
        if let asOf, asOf > today { return .future(today: today) }
        let isNew =
            try tx.query(
                """
                INSERT INTO paidan.sweep_job (job_id, as_of) VALUES (\(job), \(asOf ?? today)::date)
                ON CONFLICT (job_id) DO NOTHING
                """
            ).affected == 1
        let day = try ExpiryDay.read("(SELECT as_of FROM paidan.sweep_job WHERE job_id = \(job))", in: &tx)
        if isNew {
            _ = try tx.query(
                """
                INSERT INTO paidan.sweep_run (as_of) VALUES (\(day.asOf)::date)
                ON CONFLICT (as_of) DO UPDATE SET runs = sweep_run.runs + 1, finished_at = NULL
                """)
        }
        return .going(day)
    }

    /// Ids of customers that may be overdue, in their order.
    static func candidates(_ day: ExpiryDay, limit: Int, in tx: inout Transaction) throws -> [Int] {
        try tx.query(
            """
            SELECT id FROM (
                SELECT id FROM (\(ExpirySQL.candidates("c.id", on: day))) AS found LIMIT \(limit)::bigint) AS first
            ORDER BY id
            """
        ).map { try $0.int(0) }
    }

    /// Ends the ownership of those that are overdue.
    ///
    /// - Parameters:
    ///   - customers: ids in their order.
    ///   - waits: for customers that others have locked; else they are passed over.
    static func expire(
        _ customers: [Int], _ day: ExpiryDay, waits: Bool, job: String, in tx: inout Transaction
    ) throws -> SweepCounts {
        Author.set("job:\(job)", in: &tx)
        // A statement of its own: the next one sees what those who held the locks have committed.
        let locked = try tx.query(
            """
            SELECT id FROM crm_customer WHERE id = ANY(\(customers)::bigint[]) AND pool_state = 'private'
            ORDER BY id FOR NO KEY UPDATE\(raw: waits ? "" : " SKIP LOCKED")
            """
        ).map { try $0.int(0) }
        if locked.isEmpty { return SweepCounts() }
        _ = try tx.query("SELECT set_config('paidan.sweep', 'on', true)")
        let held: SQL = """
            SELECT \(ExpirySQL.dates) FROM crm_customer c
            WHERE c.id = ANY(\(locked)::bigint[]) AND c.pool_state = 'private'
            """
        let row = try tx.query(
            """
            WITH \(ExpirySQL.judged(held)),
            overdue AS MATERIALIZED (SELECT * FROM due WHERE expired_on <= \(day.asOf)::date),
            ended AS (
                UPDATE crm_customerdistribution d SET status = o.status, ended_on = o.expired_on FROM overdue o
                WHERE d.customer_id = o.id AND d.status = 1 RETURNING d.id, d.customer_id),
            -- A page gave it to him and wrote no distribution: he has lost it all the same.
            lost AS (
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
                SELECT consultant_id, id, expired_on, status, 'crm', expired_on FROM overdue o
                WHERE NOT EXISTS (
                    SELECT FROM crm_customerdistribution d WHERE d.customer_id = o.id AND d.status = 1)),
            freed AS (
                UPDATE crm_customer c SET consultant_id = NULL, pool_since = o.expired_on, version = c.version + 1
                FROM overdue o WHERE c.id = o.id),
            audited AS (
                INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
                SELECT 'customer.expire', 'crm_customer', id,
                    jsonb_build_object('consultant_id', consultant_id, 'pool_since', NULL),
                    jsonb_build_object('consultant_id', NULL, 'pool_since', expired_on, 'status', status,
                        'ended_on', expired_on)
                FROM overdue),
            untold AS (
                INSERT INTO paidan.reminder (distribution_id, kind, due_on, is_told)
                SELECT e.id, 'expired', o.expired_on, false FROM ended e JOIN overdue o ON o.id = e.customer_id
                ON CONFLICT DO NOTHING),
            counted AS (
                SELECT count(*) FILTER (WHERE status = 3) AS three, count(*) FILTER (WHERE status = 4) AS four
                FROM overdue),
            job AS (
                UPDATE paidan.sweep_job SET expired_3 = expired_3 + three, expired_4 = expired_4 + four
                FROM counted WHERE job_id = \(job)),
            run AS (
                UPDATE paidan.sweep_run SET expired_3 = expired_3 + three, expired_4 = expired_4 + four
                FROM counted WHERE as_of = \(day.asOf)::date)
            SELECT three, four FROM counted
            """)[0]
        return SweepCounts(notFollowed: try row.int(0), notSigned: try row.int(1))
    }

    /// Ends the sweep: its receipt, its record, the events, and a new try for customers who wait for a seller.
    ///
    /// - Returns: all that the job has done; nil if it was ended before.
    static func finish(
        _ job: String, _ day: ExpiryDay, _ events: ExpiryEvents, in tx: inout Transaction
    ) throws -> SweepCounts? {
        Author.set("job:\(job)", in: &tx)
        guard try Receipts.take(job, kind: SweepJob.kind, in: &tx) else { return nil }
        try events.publishExpired(in: &tx)
        _ = try tx.query(
            "UPDATE paidan.sweep_run SET finished_at = paidan.now() WHERE as_of = \(day.asOf)::date")
        _ = try tx.query("DELETE FROM paidan.reminder WHERE due_on < paidan.today() - 90 AND is_told")
        let counts = try counts(of: job, in: &tx).0
        // Who was at his holding cap may be assignable again.
        if counts.total > 0 { try WaitingCustomers.enqueue(in: &tx) }
        return counts
    }

    static func counts(of job: String, in tx: inout Transaction) throws -> (SweepCounts, asOf: String?) {
        let rows = try tx.query("SELECT expired_3, expired_4, as_of FROM paidan.sweep_job WHERE job_id = \(job)")
        guard let row = rows.first else { return (SweepCounts(), nil) }
        return (SweepCounts(notFollowed: try row.int(0), notSigned: try row.int(1)), try row.text(2))
    }
}
