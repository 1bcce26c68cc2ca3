public import Postgres

/// One promise about the rows of the database, as a query that must find nothing.
public struct Invariant: Sendable {
    /// `I1` … `I14`, as in the business rules.
    public let name: String
    /// What holds, in words.
    public let promise: String
    /// Finds the rows that break it; the first column is an id, the second says what it is.
    public let violations: SQL
}

/// The oracles of `doctor` and of the tests.
public enum Invariants {
    /// A customer that another program has just written is left to the reconciler.
    private static let settled: SQL = """
        (c.external_write_at IS NULL OR c.external_write_at < paidan.now() - interval '60 seconds')
        """

    public static let all: [Invariant] = customers + slots + reports + caps

    /// Runs every oracle in one snapshot.
    ///
    /// Reads each table some times over: 12 s at a million customers, more than a usual deadline for many.
    ///
    /// - Returns: for each broken invariant `I2: customer 7`, at most ten of each.
    public static func violations(in tx: inout Transaction) throws -> [String] {
        var found: [String] = []
        for invariant in all {
            for row in try tx.query("SELECT * FROM (\(invariant.violations)) AS broken ORDER BY 1 LIMIT 10") {
                found.append("\(invariant.name): \(row.optionalText(1) ?? "") \(row.optionalText(0) ?? "")")
            }
        }
        return found
    }

    private static let customers = [
        Invariant(
            name: "I1",
            promise: "a customer has one open distribution at most",
            violations: """
                SELECT customer_id, 'customer' FROM crm_customerdistribution WHERE status = 1
                GROUP BY customer_id HAVING count(*) > 1
                """),
        Invariant(
            name: "I2",
            promise: "a private customer has one open distribution, its consultant's",
            violations: """
                SELECT c.id, 'customer' FROM crm_customer c
                WHERE c.pool_state = 'private' AND \(settled)
                  AND ARRAY[c.consultant_id] IS DISTINCT FROM ARRAY(
                      SELECT d.user_id FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 1)
                """),
        Invariant(
            name: "I3",
            promise: "a pending, pooled or enrolled customer has no open distribution, and the first two no consultant",
            violations: """
                SELECT c.id, 'customer' FROM crm_customer c
                WHERE c.pool_state <> 'private' AND \(settled)
                  AND (EXISTS (SELECT FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 1)
                       OR c.pool_state <> 'closed' AND c.consultant_id IS NOT NULL)
                """),
        Invariant(
            name: "I4",
            promise: "closed are the enrolled and nobody else",
            violations: "SELECT id, 'customer' FROM crm_customer WHERE (pool_state = 'closed') <> (status = 1)"),
        Invariant(
            name: "I5",
            promise: "nobody has a customer again that he lost or gave back, unless by hand and on record",
            violations: """
                SELECT d.id, 'distribution' FROM crm_customerdistribution d
                CROSS JOIN LATERAL (
                    SELECT m.mode, m.cooldown_days FROM paidan.owner_mode m WHERE m.after_distribution_id < d.id
                    ORDER BY m.id DESC LIMIT 1) mode
                WHERE CASE WHEN mode.mode = 'last_owner' THEN EXISTS (
                        SELECT FROM (
                            SELECT e.user_id, e.status, e.ended_on FROM crm_customerdistribution e
                            WHERE e.customer_id = d.customer_id AND e.id < d.id ORDER BY e.id DESC LIMIT 1) newest
                        WHERE newest.user_id = d.user_id AND newest.status IN (3, 4, 6)
                          AND (mode.cooldown_days = 0 OR d.ctime < newest.ended_on + mode.cooldown_days))
                    ELSE EXISTS (
                        SELECT FROM crm_customerdistribution e
                        WHERE e.customer_id = d.customer_id AND e.user_id = d.user_id AND e.id < d.id
                          AND e.status IN (3, 4, 6)) END
                  -- A page may write down what has ended.
                  AND (d.status = 1 OR d.origin <> 'crm')
                  AND NOT (d.origin = 'manual' AND EXISTS (
                      SELECT FROM paidan.audit_log a
                      WHERE a.action IN ('customer.transfer', 'customer.reopen', 'customer.late_deal')
                        AND (a.entity = 'crm_customerdistribution' AND a.entity_id = d.id::text
                             OR a.entity = 'crm_customer' AND a.entity_id = d.customer_id::text)))
                """),
        Invariant(
            name: "I9",
            promise: "who has an open distribution was given the customer on a known day and not followed up before",
            violations: """
                SELECT d.id, 'distribution' FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
                WHERE d.status = 1 AND \(settled) AND (c.recv_date IS NULL OR c.last_consult_date < d.ctime)
                """),
        Invariant(
            name: "I12",
            promise: "a distribution has the day it ended when it has ended, and only then",
            violations: """
                SELECT id, 'distribution' FROM crm_customerdistribution WHERE (ended_on IS NULL) <> (status = 1)
                """),
    ]

    private static let slots = [
        Invariant(
            name: "I6",
            promise: "an automatic distribution took one slot, any other none",
            violations: """
                SELECT d.id, 'distribution' FROM crm_customerdistribution d
                LEFT JOIN paidan.assign_slot s ON s.distribution_id = d.id AND s.state = 'used'
                GROUP BY d.id HAVING count(s.*) <> (d.origin = 'auto')::int
                UNION ALL
                SELECT s.distribution_id, 'slot of distribution' FROM paidan.assign_slot s
                WHERE s.state = 'used' AND NOT EXISTS (
                        SELECT FROM crm_customerdistribution d WHERE d.id = s.distribution_id
                        UNION ALL SELECT FROM paidan.distribution_archive a
                        WHERE a.id = s.distribution_id AND a.why <> 'undone')
                   OR s.state = 'void' AND s.reason = 'undone' AND NOT EXISTS (
                        SELECT FROM paidan.distribution_archive a WHERE a.id = s.distribution_id)
                """),
        Invariant(
            name: "I7",
            promise: "a closed cycle gave each seller his share",
            violations: """
                SELECT c.cycle_no, 'cycle' FROM paidan.assign_cycle c
                WHERE c.closed_at IS NOT NULL AND EXISTS (
                    SELECT FROM (
                        SELECT user_id, count(*) AS num FROM paidan.assign_slot
                        WHERE cycle_no = c.cycle_no AND state IN ('used', 'void') GROUP BY user_id) had
                    FULL JOIN (
                        SELECT user_id, num FROM paidan.assign_quota WHERE cycle_no = c.cycle_no) due USING (user_id)
                    WHERE had.num IS DISTINCT FROM due.num)
                """),
        Invariant(
            name: "I8",
            promise: "one cycle is open at most, and a closed one has no free slot",
            violations: """
                SELECT c.cycle_no, 'cycle' FROM paidan.assign_cycle c
                WHERE c.closed_at IS NULL AND EXISTS (
                        SELECT FROM paidan.assign_cycle o WHERE o.closed_at IS NULL AND o.cycle_no > c.cycle_no)
                   OR c.closed_at IS NOT NULL AND EXISTS (
                        SELECT FROM paidan.assign_slot s WHERE s.cycle_no = c.cycle_no AND s.state = 'free')
                """),
        Invariant(
            name: "I13",
            promise: "each seller got as many customers automatically as slots of his were used",
            violations: """
                SELECT user_id, 'seller' FROM (
                    SELECT user_id, 1 AS n FROM crm_customerdistribution WHERE origin = 'auto'
                    UNION ALL
                    SELECT a.user_id, 1 FROM paidan.distribution_archive a
                    JOIN paidan.assign_slot s ON s.distribution_id = a.id WHERE a.origin = 'auto'
                    UNION ALL
                    SELECT user_id, -1 FROM paidan.assign_slot
                    WHERE state = 'used' OR state = 'void' AND reason = 'undone') counted
                GROUP BY user_id HAVING sum(n) <> 0
                """),
    ]

    /// Caps hold at the moment of an assignment or grab: each is held against the caps that were in force then, the
    /// number of that day, and those of the seller's earlier ones that are open to this day. Those that have ended since
    /// were open for hours that no row tells, and are left out: what is found is broken, what is not may have been.
    private static let caps = [
        Invariant(
            name: "I14",
            promise: "no assignment and no grab went over the caps then in force",
            violations: """
                SELECT made.id, 'distribution' FROM (
                    SELECT d.id, d.user_id, d.origin,
                        row_number() OVER (PARTITION BY d.user_id, d.origin IN ('auto', 'grab'), d.ctime ORDER BY d.id)
                            AS of_day,
                        1 + count(*) FILTER (WHERE d.status = 1 AND d.origin IN ('auto', 'grab', 'manual'))
                            OVER (PARTITION BY d.user_id ORDER BY d.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                            AS held
                    FROM crm_customerdistribution d WHERE d.user_id IN (SELECT h.user_id FROM paidan.cap_history h)
                    ) made
                JOIN (SELECT h.user_id, min(h.daily_cap) AS daily, min(h.holding_cap) AS holding
                      FROM paidan.cap_history h GROUP BY h.user_id) least
                    ON least.user_id = made.user_id AND (made.of_day > least.daily OR made.held > least.holding)
                CROSS JOIN LATERAL (
                    SELECT h.daily_cap, h.holding_cap FROM paidan.cap_history h
                    WHERE h.user_id = made.user_id AND h.after_distribution_id < made.id ORDER BY h.id DESC LIMIT 1) cap
                WHERE made.origin IN ('auto', 'grab') AND (made.of_day > cap.daily_cap OR made.held > cap.holding_cap)
                """)
    ]

    private static let reports = [
        Invariant(
            name: "I10",
            promise: "each row of an import is accounted for, each stored customer is there",
            violations: """
                SELECT b.id, 'import' FROM paidan.import_batch b
                LEFT JOIN (SELECT import_id, count(*) AS stored FROM crm_customer WHERE import_id IS NOT NULL
                           GROUP BY import_id) c ON c.import_id = b.id
                WHERE b.state IN ('done', 'cancelled', 'undone') AND NOT b.dry_run
                  AND (b.rows_ok + b.rows_duplicate + b.rows_error + b.rows_skipped <> b.rows_read
                       -- What an undo took is counted only where something is missing.
                       OR CASE WHEN b.rows_ok = coalesce(c.stored, 0) + b.rows_forgotten THEN false ELSE
                           b.rows_ok <> coalesce(c.stored, 0) + b.rows_forgotten + (
                               SELECT count(*) FROM paidan.import_row r
                               WHERE r.import_id = b.id AND r.state = 'ok' AND r.customer_id IS NULL) END)
                """),
        Invariant(
            name: "I11",
            promise: "each event is told once to each recipient and channel",
            violations: """
                SELECT min(d.id), 'delivery' FROM paidan.delivery d JOIN paidan.event e ON e.id = d.event_id
                GROUP BY d.recipient_key, d.channel, d.part, coalesce(e.dedupe_key, e.id::text) HAVING count(*) > 1
                """),
    ]
}
