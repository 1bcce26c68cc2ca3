import CRM
import Postgres
import Testing

/// The invariants that assignments must keep, as queries that answer what breaks them.
enum AssignmentOracle {
    private static let queries: [(name: String, sql: SQL)] = [
        ("I1", "SELECT customer_id FROM crm_customerdistribution WHERE status = 1 GROUP BY 1 HAVING count(*) > 1"),
        (
            "I2",
            """
            SELECT c.id FROM crm_customer c LEFT JOIN crm_customerdistribution d ON d.customer_id = c.id AND d.status = 1
            WHERE (c.pool_state = 'private') <> (d.id IS NOT NULL) OR d.user_id <> c.consultant_id
            """
        ),
        (
            "I5",
            """
            SELECT d.id FROM crm_customerdistribution d JOIN crm_customerdistribution f
                ON f.customer_id = d.customer_id AND f.user_id = d.user_id AND f.status IN (3, 4, 6) AND f.id < d.id
            WHERE d.origin = 'auto'
            """
        ),
        (
            "I6 used slots",
            """
            SELECT s.pos FROM paidan.assign_slot s LEFT JOIN crm_customerdistribution d
                ON d.id = s.distribution_id AND d.origin = 'auto' AND d.user_id = s.user_id AND d.customer_id = s.customer_id
            WHERE s.state = 'used' AND d.id IS NULL
            """
        ),
        (
            "I6 distributions",
            """
            SELECT d.id FROM crm_customerdistribution d WHERE d.origin = 'auto'
                AND (SELECT count(*) FROM paidan.assign_slot s WHERE s.distribution_id = d.id AND s.state = 'used') <> 1
            """
        ),
        (
            "I7",
            """
            SELECT q.cycle_no FROM paidan.assign_quota q JOIN paidan.assign_cycle c ON c.cycle_no = q.cycle_no
            WHERE q.num <> (SELECT count(*) FROM paidan.assign_slot s WHERE s.cycle_no = q.cycle_no
                AND s.user_id = q.user_id AND (c.closed_at IS NULL OR s.state IN ('used', 'void')))
            """
        ),
        (
            "I8",
            """
            SELECT c.cycle_no FROM paidan.assign_cycle c WHERE (c.closed_at IS NULL) <> EXISTS (
                SELECT FROM paidan.assign_slot s WHERE s.cycle_no = c.cycle_no AND s.state = 'free')
            UNION ALL SELECT min(cycle_no) FROM paidan.assign_cycle WHERE closed_at IS NULL HAVING count(*) > 1
            """
        ),
        (
            "I13",
            """
            SELECT 1 WHERE (SELECT count(*) FROM crm_customerdistribution WHERE origin = 'auto')
                    + (SELECT count(*) FROM paidan.distribution_archive WHERE origin = 'auto')
                < (SELECT count(*) FROM paidan.assign_slot WHERE state = 'used' OR reason = 'undone')
            """
        ),
        (
            "I14",
            """
            SELECT l.user_id FROM paidan.rank_limit l WHERE l.daily_cap < (
                SELECT count(*) FROM crm_customerdistribution d WHERE d.user_id = l.user_id AND d.ctime = paidan.today()
                    AND d.origin IN ('auto', 'grab'))
            """
        ),
        (
            "F5: a cycle's customers come before the next cycle's",
            """
            SELECT a.cycle_no FROM paidan.assign_cycle a JOIN paidan.assign_cycle b ON b.cycle_no = a.cycle_no + 1
            WHERE a.closed_at IS NULL OR a.closed_at > b.built_at
            """
        ),
        (
            "cycles are numbered without a gap",
            "SELECT 1 FROM paidan.assign_cycle HAVING count(*) <> coalesce(max(cycle_no), 0)"
        ),
    ]

    /// Records each broken invariant; `run` names the case in the report.
    static func check(_ pool: PostgresPool, run: String) async throws {
        for query in queries {
            let broken = try await pool.query(query.sql).count
            #expect(broken == 0, "\(query.name) broken by \(broken) rows, \(run)")
        }
    }
}
