internal import Postgres

extension ImportStore {
    /// Sellers who are named with their customers in one event; the count is always whole.
    private static let namedCustomers = 50

    /// `import_finished`, for the uploader.
    func publishEnd(_ importID: Int, in tx: inout Transaction) throws {
        try events.publish(
            selecting: """
                SELECT 'import_finished', 'import:' || id, 'import_finished:' || id,
                    jsonb_build_object('import_id', id, 'state', state, 'file_name', file_name,
                        'uploaded_by', uploaded_by, 'error', error_code, 'counts', jsonb_build_object(
                            'read', rows_read, 'ok', rows_ok, 'duplicate', rows_duplicate, 'error', rows_error,
                            'skipped', rows_skipped, 'assigned', assigned))
                FROM paidan.import_batch WHERE id = \(importID)::bigint
                """, in: &tx)
    }

    /// `assigned`, one for each seller who got customers of this import.
    ///
    /// `first_expiry` is the last day on which the first of them must be followed up; `customers` names the first 50.
    func publishOwners(_ importID: Int, in tx: inout Transaction) throws {
        try events.publish(
            selecting: """
                WITH owned AS (
                    SELECT d.user_id, c.id, c.name, c.qq, c.recv_date, c.last_consult_date,
                        row_number() OVER (PARTITION BY d.user_id ORDER BY c.id) AS place
                    FROM paidan.import_row r
                    JOIN crm_customerdistribution d
                        ON d.customer_id = r.customer_id AND d.status = 1 AND d.origin IN ('auto', 'import')
                    JOIN crm_customer c ON c.id = r.customer_id
                    WHERE r.import_id = \(importID)::bigint AND r.state = 'ok'
                )
                SELECT 'assigned', 'import:' || \(importID)::bigint,
                    'assigned:import:' || \(importID)::bigint || ':' || user_id,
                    jsonb_build_object('import_id', \(importID)::bigint, 'user_id', user_id, 'count', count(*),
                        'first_expiry', paidan.expired_on(min(recv_date), min(last_consult_date), NULL) - 1,
                        'customers', jsonb_agg(
                            jsonb_build_object('id', id, 'name', name, 'qq_last4', right(qq, 4)) ORDER BY place)
                            FILTER (WHERE place <= \(Self.namedCustomers)::int))
                FROM owned GROUP BY user_id ORDER BY user_id
                """, in: &tx)
    }
}
