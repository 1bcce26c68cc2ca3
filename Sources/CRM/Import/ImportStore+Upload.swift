internal import JobsPostgres
public import Postgres

/// What an upload says about itself.
public struct NewImport: Sendable {
    public var fileName: String
    public var dryRun = false
    public var duplicates = DuplicatePolicy.skip
    /// Take the file though the same bytes came within 24 h.
    public var force = false
    /// Name of the sheet to read; nil for the first one with content.
    public var sheet: String?
    /// `rbac_user`; nil: the command line.
    public var uploadedBy: Int?
    public var traceparent: String?

    public init(fileName: String) { self.fileName = fileName }
}

/// How an upload ended.
public enum UploadResult: Sendable, Equatable {
    case accepted(ImportTicket)
    /// The same bytes are queued, running or done since less than 24 h; the new import is gone.
    case duplicateFile(of: Int)
}

/// What the uploader gets: `202 {id, state, job_id}`.
public struct ImportTicket: Sendable, Equatable {
    public let id: Int
    public let jobID: String
    public var state: String { "queued" }
}

extension ImportStore {
    /// Starts an upload.
    ///
    /// - Returns: the import's id.
    public func begin(_ upload: NewImport) async throws(PostgresError) -> Int {
        let rows = try await pool.query(
            """
            INSERT INTO paidan.import_batch (file_name, uploaded_by, dry_run, duplicates, force, sheet)
            VALUES (\(Self.kept(upload.fileName)), \(upload.uploadedBy), \(upload.dryRun),
                \(upload.duplicates.rawValue), \(upload.force), \(upload.sheet.map(Self.kept)))
            RETURNING id
            """)
        return try rows[0].int(0)
    }

    /// A name from outside, of a sensible length and without control characters (a zero byte could not be kept), but
    /// with its line breaks, which a file's name may have.
    private static func kept(_ name: String) -> String {
        let plain = name.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\r" || $0 == "\n" }
        return String(String.UnicodeScalarView(plain.prefix(255)))
    }

    /// Keeps the next piece of the file. `seq` counts from 0.
    public func append(_ importID: Int, seq: Int, bytes: [UInt8]) async throws(PostgresError) {
        _ = try await pool.query(
            "INSERT INTO paidan.import_file (import_id, seq, bytes) VALUES (\(importID), \(seq), \(bytes: bytes))")
    }

    /// Ends an upload: the import is queued with its job, or refused as a duplicate, in one transaction.
    public func finish(
        _ importID: Int, sha256: [UInt8], size: Int, force: Bool, traceparent: String? = nil
    ) async throws -> UploadResult {
        try await pool.transaction { tx in
            // Two uploads of the same bytes at once: the second waits here and then sees the first.
            _ = try tx.query("SELECT pg_advisory_xact_lock(hashtextextended(encode(\(bytes: sha256), 'hex'), 7002))")
            if !force {
                let earlier = try tx.query(
                    """
                    SELECT id FROM paidan.import_batch
                    WHERE sha256 = \(bytes: sha256) AND NOT dry_run AND state IN ('queued', 'running', 'done')
                        AND created_at > paidan.now() - interval '24 hours' AND id <> \(importID)
                    ORDER BY id DESC LIMIT 1
                    """)
                if let earlier = try earlier.first?.int(0) {
                    _ = try tx.query("DELETE FROM paidan.import_batch WHERE id = \(importID)")
                    return .duplicateFile(of: earlier)
                }
            }
            let job = try Outbox.append([ImportJob.job(importID, traceparent: traceparent)], in: &tx)[0]
            let queued = try tx.query(
                """
                UPDATE paidan.import_batch
                SET state = 'queued', sha256 = \(bytes: sha256), size = \(size), job_id = \(job)
                WHERE id = \(importID) AND state = 'uploading'
                """)
            guard queued.affected == 1 else { throw ImportRefusal.notFound }
            return .accepted(ImportTicket(id: importID, jobID: job))
        }
    }

    /// Forgets an upload that did not come to its end.
    public func abandon(_ importID: Int) async throws(PostgresError) {
        _ = try await pool.query("DELETE FROM paidan.import_batch WHERE id = \(importID) AND state = 'uploading'")
    }
}
