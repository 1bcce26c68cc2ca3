public import Postgres

/// One promise about the rows of the database, as a query that must find nothing.
public struct Invariant: Sendable {
    /// `I1` … `I13`, as in the business rules (I14 holds at the moment of an assignment only, no row tells).
    public let name: String
    /// Finds the rows that break it; the first column is an id, the second says what it is.
    public let violations: SQL
}

/// The oracles of `doctor` and of the tests.
public enum Invariants {
    /// A customer that another program has just written is left to the reconciler.
    private static let settled: SQL = """
        (c.external_write_at IS NULL OR c.external_write_at < paidan.now() - interval '60 seconds')
        """

    public static let all: [Invariant] = customers + slots + reports

    /// Runs every oracle in one snapshot.
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
            violations: """
                SELECT customer_id, 'customer' FROM crm_customerdistribution WHERE status = 1
                GROUP BY customer_id HAVING count(*) > 1
                """),
        Invariant(
            name: "I2",
            violations: """
                SELECT c.id, 'customer' FROM crm_customer c
                WHERE c.pool_state = 'private' AND \(settled)
                  AND ARRAY[c.consultant_id] IS DISTINCT FROM ARRAY(
                      SELECT d.user_id FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 1)
                """),
        Invariant(
            name: "I3",
            violations: """
                SELECT c.id, 'customer' FROM crm_customer c
                WHERE c.pool_state <> 'private' AND \(settled)
                  AND (EXISTS (SELECT FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 1)
                       OR c.pool_state <> 'closed' AND c.consultant_id IS NOT NULL)
                """),
        Invariant(
            name: "I4",
            violations: "SELECT id, 'customer' FROM crm_customer WHERE (pool_state = 'closed') <> (status = 1)"),
        Invariant(
            name: "I5",
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
                  AND NOT (d.origin = 'manual' AND EXISTS (
                      SELECT FROM paidan.audit_log a
                      -- Of somebody's act: what pages wrote and what time took are no leave.
                      WHERE a.action NOT LIKE 'database.%' AND a.action <> 'customer.expire'
                        AND (a.entity = 'crm_customerdistribution' AND a.entity_id = d.id::text
                             OR a.entity = 'crm_customer' AND a.entity_id = d.customer_id::text)))
                """),
        Invariant(
            name: "I9",
            violations: """
                SELECT d.id, 'distribution' FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
                WHERE d.status = 1 AND \(settled) AND (c.recv_date IS NULL OR c.last_consult_date < d.ctime)
                """),
        Invariant(
            name: "I12",
            violations: """
                SELECT id, 'distribution' FROM crm_customerdistribution WHERE (ended_on IS NULL) <> (status = 1)
                """),
    ]

    private static let slots = [
        Invariant(
            name: "I6",
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
            violations: """
                SELECT c.cycle_no, 'cycle' FROM paidan.assign_cycle c
                WHERE c.closed_at IS NULL AND EXISTS (
                        SELECT FROM paidan.assign_cycle o WHERE o.closed_at IS NULL AND o.cycle_no > c.cycle_no)
                   OR c.closed_at IS NOT NULL AND EXISTS (
                        SELECT FROM paidan.assign_slot s WHERE s.cycle_no = c.cycle_no AND s.state = 'free')
                """),
        Invariant(
            name: "I13",
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

    private static let reports = [
        Invariant(
            name: "I10",
            violations: """
                SELECT b.id, 'import' FROM paidan.import_batch b
                LEFT JOIN (SELECT import_id, count(*) AS stored FROM crm_customer WHERE import_id IS NOT NULL
                           GROUP BY import_id) c ON c.import_id = b.id
                WHERE b.state IN ('done', 'cancelled', 'undone') AND NOT b.dry_run
                  AND (b.rows_ok + b.rows_duplicate + b.rows_error + b.rows_skipped <> b.rows_read
                       -- What an undo took is counted only where something is missing.
                       OR CASE WHEN b.rows_ok = coalesce(c.stored, 0) THEN false ELSE
                          b.rows_ok <> coalesce(c.stored, 0) + (SELECT count(*) FROM paidan.import_row r
                              WHERE r.import_id = b.id AND r.state = 'ok' AND r.customer_id IS NULL) END)
                """),
        Invariant(
            name: "I11",
            violations: """
                SELECT min(d.id), 'delivery' FROM paidan.delivery d JOIN paidan.event e ON e.id = d.event_id
                GROUP BY d.recipient_key, d.channel, d.part, coalesce(e.dedupe_key, e.id::text) HAVING count(*) > 1
                """),
    ]
}
