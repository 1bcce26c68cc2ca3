internal import Foundation
internal import Postgres

extension ImportStore {
    /// An import as the interface shows it.
    ///
    /// - Returns: nil if there is none.
    public func view(_ importID: Int) async throws -> ImportView? {
        let rows = try await pool.query(
            """
            SELECT json_build_object('id', id::text, 'state', state, 'phase', phase, 'file_name', file_name,
                'rows', json_build_object('read', rows_read, 'ok', rows_ok, 'duplicate', rows_duplicate,
                    'error', rows_error, 'skipped', rows_skipped),
                'assigned', (SELECT coalesce(sum(c.assigned), 0) FROM paidan.import_chunk c WHERE c.import_id = b.id),
                'dry_run', dry_run, 'duplicates', duplicates, 'job_id', job_id,
                'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at,
                'warnings', coalesce(warnings, '[]'),
                'error', CASE WHEN error_code IS NOT NULL THEN
                    json_build_object('code', error_code, 'message', coalesce(error_message, '')) END,
                'undo', CASE WHEN state = 'undone' THEN
                    json_build_object('undone_at', undone_at, 'removed', undo_removed, 'kept', undo_kept,
                        'kept_rows', (SELECT coalesce(json_agg(kept), '[]') FROM (
                            SELECT r.row, r.customer_id::text, coalesce(r.kept_why, 'edited') AS why
                            FROM paidan.import_row r WHERE r.import_id = b.id AND r.state = 'ok'
                                AND r.customer_id IS NOT NULL ORDER BY r.row LIMIT 1000) kept)) END)
            FROM paidan.import_batch b WHERE id = \(importID)
            """)
        return try rows.first.map { try JSONDecoder().decode(ImportView.self, from: Data(try $0.utf8(0))) }
    }

    /// Rows of an import in their order.
    ///
    /// - Parameters:
    ///   - state: only rows in this state.
    ///   - after: the row number before the page, 0 for the first.
    ///   - limit: 1–200.
    /// - Returns: nil if there is no such import.
    public func rows(
        _ importID: Int, state: String? = nil, after: Int = 0, limit: Int = 50
    ) async throws -> ImportRowPage? {
        let known = try await pool.query("SELECT FROM paidan.import_batch WHERE id = \(importID)")
        guard !known.isEmpty else { return nil }
        let size = min(max(limit, 1), 200)
        let found = try await pool.query(
            """
            SELECT json_build_object('row', r.row, 'state', r.state, 'errors', coalesce(r.errors, '[]'),
                -- A row has its customer's id before the customer is stored.
                'customer_id', CASE WHEN r.state <> 'ok' OR b.checkpoint->>'stage' IN ('referring', 'stored')
                    OR b.checkpoint->>'stage' = 'storing' AND r.row <= (b.checkpoint->>'row')::int
                    THEN r.customer_id::text END,
                'predicted_user_id', r.predicted_user_id::text)
            FROM paidan.import_row r JOIN paidan.import_batch b ON b.id = r.import_id
            WHERE r.import_id = \(importID) AND r.row > \(after)::int
                AND (\(state)::text IS NULL OR r.state = \(state)::text)
            ORDER BY r.row LIMIT \(size + 1)::int
            """)
        let decoder = JSONDecoder()
        let items = try found.prefix(size).map { try decoder.decode(ImportRowView.self, from: Data(try $0.utf8(0))) }
        return ImportRowPage(items: items, nextCursor: found.count > size ? items.last.map { "\($0.row)" } : nil)
    }

    /// Asks an import to stop. Rows stored already stay.
    ///
    /// - Parameter actor: who, for the audit log: `user:3`.
    /// - Throws: ``ImportRefusal`` when it is over, or all its rows are stored.
    public func cancel(_ importID: Int, actor: String) async throws {
        try await pool.transaction { tx in
            Author.set(actor, in: &tx)
            let rows = try tx.query(
                """
                SELECT state, coalesce(checkpoint->>'stage', '') FROM paidan.import_batch WHERE id = \(importID)
                FOR NO KEY UPDATE
                """)
            guard let row = rows.first else { throw ImportRefusal.notFound }
            let state = try row.text(0)
            switch state {
            case "uploading", "queued":
                _ = try tx.query(
                    """
                    UPDATE paidan.import_batch SET state = 'cancelled', finished_at = paidan.now() WHERE id = \(importID)
                    """)
            case "running" where try row.text(1) != "stored":
                let asked = try tx.query(
                    """
                    UPDATE paidan.import_batch SET cancel_requested = true WHERE id = \(importID) AND NOT cancel_requested
                    """)
                if asked.affected == 0 { return }
            default: throw ImportRefusal.state(state)
            }
            try AuditLog.record(
                "import.cancel", "paidan.import_batch", String(importID),
                before: "jsonb_build_object('state', \(state)::text)",
                after: """
                    (SELECT jsonb_build_object('state', state, 'cancel_requested', cancel_requested)
                     FROM paidan.import_batch WHERE id = \(importID))
                    """, in: &tx)
        }
    }
}
