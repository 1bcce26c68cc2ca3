public import Postgres

/// One row for each job whose effect is committed: written in the transaction of the effect, so a second run of the job
/// finds it and changes nothing.
public enum Receipts {
    /// Writes the receipt of one job.
    ///
    /// Waits for another transaction that is writing the same one.
    ///
    /// - Returns: false if there is one already: the effect happened (or the job was cancelled), do nothing.
    public static func take(
        _ job: String, kind: String, outcome: Outcome = .done, in tx: inout Transaction
    ) throws -> Bool {
        #if DEBUG
        if isLeftOut { return true }
        #endif
        let isNew =
            try tx.query(
                """
                INSERT INTO paidan.job_receipt (job_id, kind, outcome) VALUES (\(job), \(kind), \(outcome.rawValue))
                ON CONFLICT (job_id) DO NOTHING
                """
            ).affected == 1
        #if DEBUG
        try mayCommitApart(in: &tx)
        #endif
        return isNew
    }

    /// Writes the receipts of many jobs.
    ///
    /// - Returns: the ids whose receipts are new; the effect of the others happened before.
    public static func take(_ jobs: [(id: String, kind: String)], in tx: inout Transaction) throws -> Set<String> {
        #if DEBUG
        if isLeftOut { return Set(jobs.map(\.id)) }
        #endif
        let rows = try tx.query(
            """
            INSERT INTO paidan.job_receipt (job_id, kind)
            SELECT id, kind FROM unnest(\(jobs.map(\.id))::text[], \(jobs.map(\.kind))::text[]) AS job (id, kind)
            ORDER BY id
            ON CONFLICT (job_id) DO NOTHING RETURNING job_id
            """)
        #if DEBUG
        try mayCommitApart(in: &tx)
        #endif
        return Set(try rows.map { try $0.text(0) })
    }

    /// How the job ended, nil while it has no receipt.
    public static func outcome(of job: String, in tx: inout Transaction) throws -> Outcome? {
        let rows = try tx.query("SELECT outcome FROM paidan.job_receipt WHERE job_id = \(job)")
        return try rows.first.flatMap { Outcome(rawValue: try $0.text(0)) }
    }

    public enum Outcome: String, Sendable {
        case done, cancelled
    }
}
