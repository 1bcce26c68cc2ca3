internal import JobsPostgres
internal import Postgres

/// What an undo left behind.
struct UndoResult: Sendable, Equatable {
    var removed = 0
    var kept: [Int] = []

    /// `kept` lists the first 1000.
    var json: [UInt8] {
        let ids = kept.prefix(1000).map { "\"\($0)\"" }.joined(separator: ",")
        return Array("{\"removed\":\(removed),\"kept\":\(kept.count),\"kept_ids\":[\(ids)]}".utf8)
    }
}

extension ImportStore {
    /// Customers taken back in one transaction.
    private static let undoSize = 1000

    /// Asks for an import to be undone.
    ///
    /// - Returns: the job's id.
    /// - Throws: ``ImportRefusal`` unless it is done or cancelled, and no dry run.
    public func requestUndo(_ importID: Int, traceparent: String? = nil) async throws -> String {
        try await pool.transaction { tx in
            let rows = try tx.query(
                "SELECT state, dry_run FROM paidan.import_batch WHERE id = \(importID) FOR NO KEY UPDATE")
            guard let row = rows.first else { throw ImportRefusal.notFound }
            let state = try row.text(0)
            guard state == "done" || state == "cancelled", try !row.bool(1) else { throw ImportRefusal.state(state) }
            return try Outbox.append([UndoJob.job(importID, traceparent: traceparent)], in: &tx)[0]
        }
    }

    /// Whether an undo may still run.
    func mayUndo(_ importID: Int) async throws -> Bool {
        try await !pool.query(
            """
            SELECT FROM paidan.import_batch
            WHERE id = \(importID) AND state IN ('done', 'cancelled') AND NOT dry_run
            """
        ).isEmpty
    }

    /// Takes back the untouched customers among the next rows.
    ///
    /// - Returns: the last row looked at, nil at the end; how many customers went.
    func undoChunk(_ importID: Int, after: Int) async throws -> (last: Int?, removed: Int) {
        try await pool.transaction(deadline: .seconds(120)) { tx in
            try Author.set("job:import.undo", in: &tx)
            try SlotRelease.lock(in: &tx)
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
            let untouched = try Self.untouched(importID, after: after, last: last, in: &tx)
            try Self.remove(untouched, importID, after: after, last: last, in: &tx)
            return (last, untouched.count)
        }
    }

    /// Customers whom only the import and its automatic assignment have written to.
    private static func untouched(_ importID: Int, after: Int, last: Int, in tx: inout Transaction) throws -> [Int] {
        try tx.query(
            """
            SELECT c.id FROM paidan.import_row r JOIN crm_customer c ON c.id = r.customer_id AND c.import_id = r.import_id
            CROSS JOIN LATERAL (
                SELECT count(*) AS all_rows, count(*) FILTER (WHERE d.origin = 'auto') AS auto_rows,
                    count(*) FILTER (WHERE d.origin = 'auto' AND d.status = 1 OR d.origin = 'import'
                        AND d.status = CASE WHEN r.status = 1 THEN 2 ELSE 1 END) AS as_made
                FROM crm_customerdistribution d WHERE d.customer_id = c.id) d
            WHERE r.import_id = \(importID) AND r.row > \(after)::int AND r.row <= \(last)::int AND r.state = 'ok'
                AND c.external_write_at IS NULL AND c.protected_until IS NULL AND c.pool_since IS NULL
                AND c.status = coalesce(r.status, 2) AND d.all_rows <= 1 AND d.all_rows = d.as_made
                -- Each change of a customer is a version: that of the assignment, and of a referral set afterwards.
                AND c.version = 1 + d.auto_rows + coalesce(r.referred, false)::int
                AND NOT EXISTS (SELECT FROM crm_consultrecord x WHERE x.customer_id = c.id)
                AND NOT EXISTS (SELECT FROM crm_paymentrecord x WHERE x.customer_id = c.id)
                AND NOT EXISTS (SELECT FROM crm_student x WHERE x.customer_id = c.id)
                AND NOT EXISTS (SELECT FROM crm_customer x WHERE x.referral_from_id = c.id)
            ORDER BY c.id
            """
        ).map { try $0.int(0) }
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
        _ = try tx.query("DELETE FROM crm_customer WHERE id = ANY (\(customers)::bigint[])")
        _ = try tx.query(
            """
            UPDATE paidan.import_row SET customer_id = NULL
            WHERE import_id = \(importID) AND row > \(after)::int AND row <= \(last)::int AND state = 'ok'
                AND customer_id = ANY (\(customers)::bigint[])
            """)
    }

    /// Ends an undo.
    func finishUndo(_ importID: Int, jobID: String) async throws -> UndoResult {
        try await pool.transaction { tx in
            try Author.set("job:import.undo", in: &tx)
            let ended = try tx.query(
                """
                UPDATE paidan.import_batch SET state = 'undone', undone_at = paidan.now()
                WHERE id = \(importID) AND state IN ('done', 'cancelled')
                """)
            if ended.affected == 1 { _ = try Receipts.take(jobID, kind: UndoJob.kindName, in: &tx) }
            let removed = try tx.query(
                """
                SELECT count(*) FROM paidan.import_row
                WHERE import_id = \(importID) AND state = 'ok' AND customer_id IS NULL
                """)[0].int(0)
            let kept = try tx.query(
                """
                SELECT customer_id FROM paidan.import_row
                WHERE import_id = \(importID) AND state = 'ok' AND customer_id IS NOT NULL ORDER BY row
                """
            ).map { try $0.int(0) }
            return UndoResult(removed: removed, kept: kept)
        }
    }
}
