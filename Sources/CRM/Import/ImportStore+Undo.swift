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
    /// Asks for an import to be undone; asking twice is harmless.
    ///
    /// - Parameter actor: who, for the audit log: `user:3`.
    /// - Returns: the job's id.
    /// - Throws: ``ImportRefusal`` unless it is done or cancelled, and no dry run.
    public func requestUndo(_ importID: Int, actor: String, traceparent: String? = nil) async throws -> String {
        try await pool.transaction { tx in
            Author.set(actor, in: &tx)
            let rows = try tx.query(
                "SELECT state, dry_run FROM paidan.import_batch WHERE id = \(importID) FOR NO KEY UPDATE")
            guard let row = rows.first else { throw ImportRefusal.notFound }
            let state = try row.text(0)
            guard state == "done" || state == "cancelled", try !row.bool(1) else { throw ImportRefusal.state(state) }
            let job = try Outbox.append([UndoJob.job(importID, traceparent: traceparent)], in: &tx)[0]
            try AuditLog.record(
                "import.undo", "paidan.import_batch", String(importID),
                before: "jsonb_build_object('state', \(state)::text)",
                after: "jsonb_build_object('job_id', \(job)::text)", in: &tx)
            return job
        }
    }

    /// What an undo's job finds.
    enum UndoGround {
        case open
        /// Another job has done it.
        case undone
        /// There is nothing that it could undo.
        case refused(code: String, message: String)
    }

    func undoGround(_ importID: Int) async throws -> UndoGround {
        try await pool.transaction { try Self.undoGround(importID, in: &$0) }
    }

    static func undoGround(_ importID: Int, in tx: inout Transaction) throws -> UndoGround {
        let rows = try tx.query("SELECT state, dry_run FROM paidan.import_batch WHERE id = \(importID)::bigint")
        guard let row = rows.first else {
            return .refused(code: "not_found", message: "there is no import \(importID)")
        }
        if try row.bool(1) {
            return .refused(code: "dry_run", message: "import \(importID) was a dry run and stored nothing")
        }
        switch try row.text(0) {
        case "done", "cancelled": return .open
        case "undone": return .undone
        case let state:
            return .refused(
                code: "state",
                message: "import \(importID) is \(state); only one that is done or cancelled can be undone")
        }
    }

    /// Ends an undo, unless its job was cancelled or has ended it before.
    func finishUndo(_ importID: Int, jobID: String) async throws -> UndoResult {
        try await pool.transaction(deadline: .seconds(120)) { tx in
            Author.set("job:import.undo", in: &tx)
            // No chunk of another undo of this import runs on after its end.
            try SlotRelease.lock(in: &tx)
            let isOurs = try Receipts.take(jobID, kind: UndoJob.kindName, in: &tx)
            let removed = try tx.query(
                """
                SELECT count(*) FROM paidan.import_row
                WHERE import_id = \(importID) AND state = 'ok' AND customer_id IS NULL
                """)[0].int(0)
            let kept = try tx.query(
                """
                SELECT customer_id FROM paidan.import_row r
                WHERE import_id = \(importID) AND state = 'ok'
                    -- Not those that a page has deleted since.
                    AND EXISTS (SELECT FROM crm_customer c WHERE c.id = r.customer_id)
                ORDER BY row
                """
            ).map { try $0.int(0) }
            if isOurs { try end(importID, removed: removed, kept: kept.count, in: &tx) }
            return UndoResult(removed: removed, kept: kept)
        }
    }

    private func end(_ importID: Int, removed: Int, kept: Int, in tx: inout Transaction) throws {
        let states = try tx.query(
            "SELECT state FROM paidan.import_batch WHERE id = \(importID) AND state IN ('done', 'cancelled') FOR UPDATE"
        )
        guard let state = try states.first?.text(0) else { return }
        _ = try tx.query(
            """
            UPDATE paidan.import_batch SET state = 'undone', undone_at = paidan.now(),
                undo_removed = \(removed)::int, undo_kept = \(kept)::int
            WHERE id = \(importID)
            """)
        try AuditLog.record(
            "import.undone", "paidan.import_batch", String(importID),
            before: "jsonb_build_object('state', \(state)::text)",
            after: "jsonb_build_object('state', 'undone', 'removed', \(removed)::int, 'kept', \(kept)::int)", in: &tx)
    }
}
