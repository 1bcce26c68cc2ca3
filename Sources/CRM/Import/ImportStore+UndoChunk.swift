internal import Postgres

/// Why an undo keeps a customer; the text stands in `paidan.import_row.kept_why`.
public enum KeptReason: String, Sendable, CaseIterable, Codable {
    /// Somebody wrote a note.
    case note
    case payment
    case student
    /// Another customer was referred by this one.
    case referral
    /// Its first distribution is not open any more, or somebody else gave it away.
    case moved
    /// A person, a page of the CRM or another import wrote to it.
    case edited
}

extension ImportStore {
    /// Customers taken back in one transaction.
    private static let undoSize = 1000

    /// Takes back the untouched customers among the next rows.
    ///
    /// - Returns: the last row looked at, nil at the end; how many customers went.
    func undoChunk(_ importID: Int, after: Int) async throws -> (last: Int?, removed: Int) {
        try await pool.transaction(deadline: .seconds(120)) { tx in
            Author.set("job:import.undo", in: &tx)
            try SlotRelease.lock(in: &tx)
            guard case .open = try Self.undoGround(importID, in: &tx) else { return (nil, 0) }
            let rows = try tx.query(
                """
                SELECT row, customer_id FROM paidan.import_row
                WHERE import_id = \(importID) AND state = 'ok' AND customer_id IS NOT NULL AND row > \(after)::int
                ORDER BY row LIMIT \(Self.undoSize)::int
                """)
            let ids = try rows.map { try $0.int(1) }
            guard let last = try rows.last?.int(0) else { return (nil, 0) }
            _ = try tx.query(
                "SELECT FROM crm_customer WHERE id = ANY (\(ids)::bigint[]) ORDER BY id FOR UPDATE")
            // As if midnight: what is overdue today has been lost, whether a sweep has met it or not.
            _ = try tx.query(
                """
                SELECT paidan.expire_customer(c.id) FROM crm_customer c
                WHERE c.id = ANY (\(ids)::bigint[]) AND c.pool_state = 'private'
                    AND \(CustomerSQL.expires("c")) <= paidan.today()
                """)
            let untouched = try Self.judge(importID, after: after, last: last, in: &tx)
            try Self.remove(untouched, importID, after: after, last: last, in: &tx)
            return (last, untouched.count)
        }
    }

    /// Notes of each customer why it stays.
    ///
    /// - Returns: the others: only the import and its automatic assignment wrote to them.
    private static func judge(_ importID: Int, after: Int, last: Int, in tx: inout Transaction) throws -> [Int] {
        try tx.query(
            """
            UPDATE paidan.import_row r SET kept_why = found.why FROM (
                SELECT r.row, c.id, CASE
                    WHEN EXISTS (SELECT FROM crm_consultrecord x WHERE x.customer_id = c.id) THEN 'note'
                    WHEN EXISTS (SELECT FROM crm_paymentrecord x WHERE x.customer_id = c.id) THEN 'payment'
                    WHEN EXISTS (SELECT FROM crm_student x WHERE x.customer_id = c.id) THEN 'student'
                    WHEN EXISTS (SELECT FROM crm_customer x WHERE x.referral_from_id = c.id) THEN 'referral'
                    WHEN c.status <> coalesce(r.status, 2) OR c.pool_since IS NOT NULL OR d.all_rows > 1
                        OR d.all_rows <> d.as_made THEN 'moved'
                    WHEN c.external_write_at IS NOT NULL OR c.protected_until IS NOT NULL OR d.memos > 0
                        -- Each change of a customer is a version: the assignment's, and a referral's set afterwards.
                        OR c.version <> 1 + d.auto_rows + coalesce(r.referred, false)::int
                        OR (SELECT array_agg(k.course_id ORDER BY k.course_id) FROM crm_customer_course k
                            WHERE k.customer_id = c.id) IS DISTINCT FROM
                           (SELECT array_agg(DISTINCT w ORDER BY w) FROM unnest(r.courses) w)
                        OR EXISTS (SELECT FROM paidan.customer_remark m
                            WHERE m.customer_id = c.id AND m.import_id IS DISTINCT FROM r.import_id)
                        -- What left no trace in the customer: a note deleted again, a protection lifted.
                        OR EXISTS (SELECT FROM paidan.audit_log a
                            WHERE a.entity = 'crm_customer' AND a.entity_id = c.id::text)
                        OR EXISTS (SELECT FROM paidan.audit_log a JOIN crm_customerdistribution x
                                ON a.entity = 'crm_customerdistribution' AND a.entity_id = x.id::text
                            WHERE x.customer_id = c.id)
                        THEN 'edited' END AS why
                FROM paidan.import_row r JOIN crm_customer c ON c.id = r.customer_id AND c.import_id = r.import_id
                CROSS JOIN LATERAL (
                    SELECT count(*) AS all_rows, count(*) FILTER (WHERE d.origin = 'auto') AS auto_rows,
                        count(*) FILTER (WHERE d.origin = 'auto' AND d.status = 1 OR d.origin = 'import'
                            AND d.status = CASE WHEN r.status = 1 THEN 2 ELSE 1 END) AS as_made,
                        count(*) FILTER (WHERE d.memo <> '') AS memos
                    FROM crm_customerdistribution d WHERE d.customer_id = c.id) d
                WHERE r.import_id = \(importID) AND r.row > \(after)::int AND r.row <= \(last)::int
                    AND r.state = 'ok') found
            WHERE r.import_id = \(importID) AND r.row = found.row
            RETURNING CASE WHEN found.why IS NULL THEN found.id END
            """
        ).compactMap { try $0.optionalInt(0) }.sorted()
    }

    private static func remove(
        _ customers: [Int], _ importID: Int, after: Int, last: Int, in tx: inout Transaction
    ) throws {
        if customers.isEmpty { return }
        let distributions = try tx.query(
            """
            INSERT INTO paidan.distribution_archive (id, user_id, customer_id, ctime, status, memo, origin, ended_on,
                import_id, why)
            SELECT id, user_id, customer_id, ctime, status, memo, origin, ended_on, \(importID)::bigint, 'undone'
            FROM crm_customerdistribution WHERE customer_id = ANY (\(customers)::bigint[]) ORDER BY id
            RETURNING id
            """
        ).map { try $0.int(0) }
        try SlotRelease.release(distributions: distributions, in: &tx)
        _ = try tx.query("DELETE FROM crm_customerdistribution WHERE id = ANY (\(distributions)::bigint[])")
        _ = try tx.query("DELETE FROM crm_customer_course WHERE customer_id = ANY (\(customers)::bigint[])")
        _ = try tx.query(
            """
            WITH gone AS (
                DELETE FROM crm_customer c WHERE id = ANY (\(customers)::bigint[])
                RETURNING id, to_jsonb(c) - '{version,external_write_at,pool_state}'::text[] AS columns
            )
            INSERT INTO paidan.audit_log (action, entity, entity_id, before)
            SELECT 'customer.undo', 'crm_customer', id, jsonb_strip_nulls(columns) FROM gone ORDER BY id
            """)
        _ = try tx.query(
            """
            UPDATE paidan.import_row SET customer_id = NULL
            WHERE import_id = \(importID) AND row > \(after)::int AND row <= \(last)::int AND state = 'ok'
                AND customer_id = ANY (\(customers)::bigint[])
            """)
    }
}
