internal import JobsPostgres
public import Postgres

extension ImportStore {
    /// Ends the import's own job: all rows are stored. The import is done now, or with the last assignment.
    func finishStoring(_ state: ImportState) async throws {
        let next = state.checkpoint.next { $0.stage = .stored }
        try await pool.transaction { tx in
            try Self.lockEnd(state.id, in: &tx)
            try Self.begin(state, in: &tx)
            guard try Receipts.take(state.jobID, kind: ImportJob.kindName, in: &tx) else { throw ImportCancelled() }
            try Self.advance(state, to: next, phase: "assigning", "cancel_requested = false", in: &tx)
            try endIfAssigned(state.id, in: &tx)
        }
    }

    /// To be called in the transaction of a chunk's assignment, as its last act, under the assignment's lock: the last of
    /// them ends the import.
    ///
    /// - Parameter assigned: customers of the chunk who have a seller now.
    public func chunkAssigned(_ importID: Int, chunk: Int, assigned: Int, in tx: inout Transaction) throws {
        // Not the batch's row: the import itself writes it with each chunk, and the two would wait for each other's
        // commits. Assignments do not meet here either, having a lock of their own.
        _ = try tx.query("SELECT pg_advisory_xact_lock_shared(\(Self.endLock)::int, \(Self.lockKey(importID))::int)")
        let ended = try tx.query(
            """
            UPDATE paidan.import_chunk SET assigned_at = paidan.now(), assigned = \(assigned)
            WHERE import_id = \(importID) AND chunk = \(chunk) AND assigned_at IS NULL
            """)
        if ended.affected == 1 { try endIfAssigned(importID, in: &tx) }
    }

    private static let endLock = 7003

    private static func lockKey(_ importID: Int) -> Int { importID & 0x7FFF_FFFF }

    /// Whoever says that no row will be stored any more: an assignment that ends now is waited for, and a later one
    /// sees what was said.
    private static func lockEnd(_ importID: Int, in tx: inout Transaction) throws {
        _ = try tx.query("SELECT pg_advisory_xact_lock(\(endLock)::int, \(lockKey(importID))::int)")
    }

    /// Ends an import whose rows are all stored and whose assignments have all ended.
    private func endIfAssigned(_ importID: Int, in tx: inout Transaction) throws {
        let rows = try tx.query(
            """
            SELECT state, dry_run FROM paidan.import_batch b
            WHERE id = \(importID)
                AND (state = 'running' AND checkpoint->>'stage' = 'stored'
                    OR state IN ('cancelled', 'failed') AND checkpoint IS NOT NULL)
                AND NOT EXISTS (
                    SELECT FROM paidan.import_chunk c WHERE c.import_id = b.id AND c.assigned_at IS NULL)
            """)
        guard let row = rows.first else { return }
        let isDryRun = try row.bool(1)
        let isRunning = try row.text(0) == "running"
        _ = try tx.query(
            """
            UPDATE paidan.import_batch SET state = CASE WHEN state = 'running' THEN 'done' ELSE state END,
                phase = 'reporting', finished_at = coalesce(finished_at, paidan.now()),
                assigned = (SELECT coalesce(sum(assigned), 0) FROM paidan.import_chunk WHERE import_id = \(importID))
            WHERE id = \(importID)
            """)
        if isRunning {
            if !isDryRun { try publishEnd(importID, in: &tx) }
        }
        if !isDryRun { try publishOwners(importID, in: &tx) }
    }

    /// A whole-file error: nothing is stored, and the reason is told.
    func fail(_ state: ImportState, _ failure: ImportFailure) async throws {
        try await pool.transaction(deadline: .seconds(300)) { tx in
            Author.set("job:import.batch", in: &tx)
            let failed = try tx.query(
                """
                UPDATE paidan.import_batch
                SET state = 'failed', error_code = \(failure.code), error_message = \(failure.message),
                    finished_at = paidan.now(), rows_read = 0, rows_ok = 0, rows_duplicate = 0, rows_error = 0,
                    rows_skipped = 0, checkpoint = NULL
                WHERE id = \(state.id) AND state = 'running' AND checkpoint->>'stage' = 'reading'
                    AND (checkpoint->>'step')::int = \(state.checkpoint.step)
                """)
            guard failed.affected == 1 else { throw ImportOvertaken() }
            _ = try tx.query("DELETE FROM paidan.import_row WHERE import_id = \(state.id)")
            _ = try Receipts.take(state.jobID, kind: ImportJob.kindName, in: &tx)
            if !state.isDryRun { try publishEnd(state.id, in: &tx) }
        }
    }

    /// The import's job died and will not come back; what it had stored stays, with its assignments.
    public func giveUp(_ importID: Int, message: String) async throws {
        try await pool.transaction(deadline: .seconds(300)) { tx in
            Author.set("job:import.batch", in: &tx)
            try Self.lockEnd(importID, in: &tx)
            let failed = try tx.query(
                """
                UPDATE paidan.import_batch
                SET state = 'failed', error_code = 'internal', error_message = \(message), finished_at = paidan.now()
                WHERE id = \(importID) AND state IN ('queued', 'running')
                    AND checkpoint->>'stage' IS DISTINCT FROM 'stored'
                RETURNING dry_run
                """)
            guard let row = failed.first else { return }
            try Self.dropUnstored(importID, in: &tx)
            if try !row.bool(0) { try publishEnd(importID, in: &tx) }
        }
    }

    /// Ends an import that was asked to stop: the rows not stored yet are skipped, those stored stay.
    func endCancelled(_ state: ImportState) async throws {
        try await pool.transaction(deadline: .seconds(300)) { tx in
            Author.set("job:import.batch", in: &tx)
            try Self.lockEnd(state.id, in: &tx)
            let ended = try tx.query(
                """
                UPDATE paidan.import_batch SET state = 'cancelled', finished_at = paidan.now()
                WHERE id = \(state.id) AND state = 'running'
                    AND checkpoint->>'stage' IS DISTINCT FROM 'stored'
                """)
            guard ended.affected == 1 else { throw ImportOvertaken() }
            try Self.dropUnstored(state.id, in: &tx)
            _ = try Receipts.take(state.jobID, kind: ImportJob.kindName, in: &tx)
            try endIfAssigned(state.id, in: &tx)
        }
    }

    /// Rows read but not stored become skipped, so that the counts still add up.
    private static func dropUnstored(_ importID: Int, in tx: inout Transaction) throws {
        let issue = RowIssue.json([RowIssue(.cancelled, nil, "导入在写入这一行之前停止，未写入")])
        let dropped = try tx.query(
            """
            UPDATE paidan.import_row r
            SET state = 'skipped', customer_id = NULL, errors = \(json: issue)::jsonb || coalesce(r.errors, '[]')
            FROM paidan.import_batch b
            WHERE b.id = \(importID) AND r.import_id = b.id AND r.state = 'ok'
                AND r.row > CASE WHEN b.checkpoint->>'stage' = 'storing' THEN (b.checkpoint->>'row')::int
                    WHEN b.checkpoint->>'stage' = 'referring' THEN 2147483647 ELSE 0 END
            """)
        _ = try tx.query(
            "UPDATE paidan.import_batch SET rows_skipped = rows_skipped + \(dropped.affected) WHERE id = \(importID)")
    }
}
