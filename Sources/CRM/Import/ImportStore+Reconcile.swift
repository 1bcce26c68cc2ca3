internal import JobsPostgres
internal import Postgres

/// An import that is not at its end, and the job that should be working on it.
public struct UnfinishedImport: Sendable, Equatable {
    public let id: Int
    public let jobID: String
}

/// A stored chunk whose assignment has not ended, and the job that should be working on it.
public struct UnassignedChunk: Sendable, Equatable {
    public let importID: Int
    public let chunk: Int
    public let jobID: String
}

/// What the reconciler asks. Whether a job is alive, only the queue knows: wiring looks there, then calls `requeue`,
/// `reassign` or ``ImportStore/giveUp(_:message:)``.
extension ImportStore {
    /// Imports that still need their own job, oldest first.
    public func unfinished(limit: Int = 1000) async throws -> [UnfinishedImport] {
        try await pool.query(
            """
            SELECT id, coalesce(job_id, '') FROM paidan.import_batch
            WHERE state IN ('queued', 'running') AND checkpoint->>'stage' IS DISTINCT FROM 'stored'
            ORDER BY id LIMIT \(limit)::int
            """
        ).map { UnfinishedImport(id: try $0.int(0), jobID: try $0.text(1)) }
    }

    /// Chunks that still wait for their assignment, oldest first.
    public func unassigned(limit: Int = 1000) async throws -> [UnassignedChunk] {
        try await pool.query(
            """
            SELECT import_id, chunk, coalesce(assign_job_id, '') FROM paidan.import_chunk
            WHERE assigned_at IS NULL ORDER BY import_id, chunk LIMIT \(limit)::int
            """
        ).map { UnassignedChunk(importID: try $0.int(0), chunk: try $0.int(1), jobID: try $0.text(2)) }
    }

    /// Gives an import whose job is gone another one; nothing if it has ended, or has another already.
    public func requeue(_ lost: UnfinishedImport) async throws {
        try await pool.transaction { tx in
            let rows = try tx.query(
                """
                SELECT FROM paidan.import_batch
                WHERE id = \(lost.id) AND coalesce(job_id, '') = \(lost.jobID) AND state IN ('queued', 'running')
                    AND checkpoint->>'stage' IS DISTINCT FROM 'stored'
                FOR NO KEY UPDATE
                """)
            guard !rows.isEmpty else { return }
            let job = try Outbox.append([ImportJob.job(lost.id)], in: &tx)[0]
            // Who cancelled the job meant the import: the new job ends it.
            _ = try tx.query(
                """
                UPDATE paidan.import_batch SET job_id = \(job), cancel_requested = cancel_requested OR EXISTS (
                    SELECT FROM paidan.job_receipt WHERE job_id = \(lost.jobID) AND outcome = 'cancelled')
                WHERE id = \(lost.id)
                """)
        }
    }

    /// Gives a chunk whose assignment job is gone another one, for its customers in file order.
    public func reassign(_ lost: UnassignedChunk) async throws {
        try await pool.transaction { tx in
            let rows = try tx.query(
                """
                SELECT first_row, last_row FROM paidan.import_chunk
                WHERE import_id = \(lost.importID) AND chunk = \(lost.chunk)
                    AND coalesce(assign_job_id, '') = \(lost.jobID) AND assigned_at IS NULL
                FOR NO KEY UPDATE
                """)
            guard let row = rows.first else { return }
            let customers = try tx.query(
                """
                SELECT c.id FROM paidan.import_row r JOIN crm_customer c ON c.id = r.customer_id
                WHERE r.import_id = \(lost.importID) AND r.row BETWEEN \(try row.int(0)) AND \(try row.int(1))
                    AND r.state = 'ok' AND c.pool_state = 'pending'
                ORDER BY r.row
                """
            ).map { try $0.int(0) }
            let assign = ImportJob.assign(customers, importID: lost.importID, chunk: lost.chunk)
            let job = try Outbox.append([assign], in: &tx)[0]
            _ = try tx.query(
                """
                UPDATE paidan.import_chunk SET assign_job_id = \(job)
                WHERE import_id = \(lost.importID) AND chunk = \(lost.chunk)
                """)
        }
    }

    /// Removes uploads that stopped in the middle.
    ///
    /// - Returns: how many.
    public func removeAbandoned(olderThan age: Duration = .seconds(6 * 3600)) async throws -> Int {
        try await pool.query(
            """
            DELETE FROM paidan.import_batch
            WHERE state = 'uploading' AND created_at < paidan.now() - \(age.components.seconds) * interval '1 second'
            """
        ).affected
    }

    /// Removes uploaded bytes that are kept long enough, a few pieces at a time.
    ///
    /// - Returns: how many pieces; 0 when there is nothing to remove any more.
    public func pruneFiles(limit: Int = 200) async throws -> Int {
        try await pool.query(
            """
            DELETE FROM paidan.import_file f USING (
                SELECT p.import_id, p.seq FROM paidan.import_file p JOIN paidan.import_batch b ON b.id = p.import_id
                WHERE b.state IN ('done', 'failed', 'cancelled', 'undone')
                    AND coalesce(b.finished_at, b.created_at)
                        < paidan.now() - \(settings.keepFiles.components.seconds) * interval '1 second'
                LIMIT \(limit)::int) old
            WHERE f.import_id = old.import_id AND f.seq = old.seq
            """
        ).affected
    }
}
