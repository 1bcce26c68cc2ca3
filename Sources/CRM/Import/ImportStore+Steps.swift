internal import Postgres

/// What an import's worker knows of it when it begins, or begins again.
struct ImportState: Sendable {
    let id: Int
    let jobID: String
    let policy: DuplicatePolicy
    let isDryRun: Bool
    let sheet: String?
    /// `paidan.import_file` pieces together.
    let size: Int
    var checkpoint: ImportCheckpoint
    let today: Day
}

extension ImportStore {
    /// Takes the import into work: queued becomes running, running goes on where it stood.
    ///
    /// - Returns: nil if there is nothing to do any more: done, failed, cancelled or undone, or all rows stored.
    func open(_ importID: Int, jobID: String) async throws -> ImportState? {
        try await pool.transaction { tx in
            Author.set("job:import.batch", in: &tx)
            let rows = try tx.query(
                """
                SELECT state, duplicates, dry_run, sheet, size, (SELECT paidan.today()),
                    coalesce((checkpoint->>'step')::int, 0), coalesce(checkpoint->>'stage', 'reading'),
                    coalesce((checkpoint->>'row')::int, 0), coalesce((checkpoint->>'chunks')::int, 0),
                    coalesce((checkpoint->>'referrals')::bool, false),
                    coalesce((checkpoint->>'consultants')::bool, false),
                    coalesce((checkpoint->>'courses')::bool, false), coalesce((checkpoint->>'memos')::bool, false)
                FROM paidan.import_batch WHERE id = \(importID) FOR NO KEY UPDATE
                """)
            guard let row = rows.first else { return nil }
            let state = try row.text(0)
            guard state == "queued" || state == "running" else { return nil }
            var checkpoint = ImportCheckpoint(
                step: try row.int(6), stage: try Self.stage(row.text(7)), row: try row.int(8), chunks: try row.int(9))
            checkpoint.uses = ImportUses(
                referrals: try row.bool(10), consultants: try row.bool(11), courses: try row.bool(12),
                memos: try row.bool(13))
            if checkpoint.stage == .stored { return nil }
            if state == "queued" {
                checkpoint.step = 1
                _ = try tx.query(
                    """
                    UPDATE paidan.import_batch
                    SET state = 'running', phase = 'reading', started_at = paidan.now(), checkpoint = \(json: checkpoint.json)
                    WHERE id = \(importID)
                    """)
            }
            guard let today = Day(try row.text(5)), let policy = DuplicatePolicy(rawValue: try row.text(1)) else {
                throw PostgresError(code: .decoding, message: "import_batch holds a value this version does not know")
            }
            return ImportState(
                id: importID, jobID: jobID, policy: policy, isDryRun: try row.bool(2), sheet: row.optionalText(3),
                size: try row.int(4), checkpoint: checkpoint, today: today)
        }
    }

    private static func stage(_ text: String) throws -> ImportCheckpoint.Stage {
        guard let stage = ImportCheckpoint.Stage(rawValue: text) else {
            throw PostgresError(code: .decoding, message: "import checkpoint of an unknown stage \(text)")
        }
        return stage
    }

    /// Begins a step's transaction: nobody has overtaken this worker, and nobody asked to stop.
    static func begin(_ state: ImportState, in tx: inout Transaction) throws {
        Author.set("job:import.batch", in: &tx)
        let rows = try tx.query(
            """
            SELECT state = 'running' AND (checkpoint->>'step')::int = \(state.checkpoint.step),
                cancel_requested OR EXISTS (
                    SELECT FROM paidan.job_receipt WHERE job_id = \(state.jobID) AND outcome = 'cancelled')
            FROM paidan.import_batch WHERE id = \(state.id)
            """)
        guard let row = rows.first, try row.bool(0) else { throw ImportOvertaken() }
        if try row.bool(1) { throw ImportCancelled() }
    }

    /// Ends a step's transaction: moves the checkpoint. The batch's row is locked last, so that the assignment of
    /// earlier chunks, which locks it last too, hardly ever waits for a chunk that is being stored.
    static func advance(
        _ state: ImportState, to next: ImportCheckpoint, phase: String, _ changes: SQL, in tx: inout Transaction
    ) throws {
        let moved = try tx.query(
            """
            UPDATE paidan.import_batch SET checkpoint = \(json: next.json), phase = \(phase), \(changes)
            WHERE id = \(state.id) AND state = 'running' AND (checkpoint->>'step')::int = \(state.checkpoint.step)
            """)
        guard moved.affected == 1 else { throw ImportOvertaken() }
    }
}
