public import Postgres

/// Fires of schedules: one row for each due time, whoever sees it first.
public enum ScheduleRuns {
    /// Claims one fire. Write the job to the outbox in the same transaction if it is new.
    ///
    /// - Parameter at: the due time, milliseconds since 1970.
    /// - Returns: false if another process has fired it.
    public static func fire(name: String, at: Int, job: String? = nil, in tx: inout Transaction) throws -> Bool {
        try tx.query(
            """
            INSERT INTO paidan.schedule_run (name, fire_at, job_id)
            VALUES (\(name), to_timestamp(\(at)::bigint / 1000.0), \(job))
            ON CONFLICT (name, fire_at) DO NOTHING
            """
        ).affected == 1
    }

    /// Writes down which job a fire enqueued.
    public static func note(job: String, name: String, at: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            UPDATE paidan.schedule_run SET job_id = \(job)
            WHERE name = \(name) AND fire_at = to_timestamp(\(at)::bigint / 1000.0)
            """)
    }

    /// Ticks off due times that were missed, up to `to`, without a fire.
    ///
    /// - Returns: false if another process has done so.
    public static func skip(name: String, to: Int, in tx: inout Transaction) throws -> Bool {
        try tx.query(
            """
            UPDATE paidan.schedule SET counts_from = to_timestamp(\(to)::bigint / 1000.0)
            WHERE name = \(name) AND counts_from < to_timestamp(\(to)::bigint / 1000.0)
            """
        ).affected == 1
    }

    /// The newest due time of each schedule that was fired, by name, milliseconds since 1970.
    public static func last(of names: [String], in tx: inout Transaction) throws -> [String: Int] {
        let rows = try tx.query(
            """
            SELECT name, floor(extract(epoch FROM fire_at) * 1000)::bigint FROM (
                SELECT name, (SELECT max(r.fire_at) FROM paidan.schedule_run r WHERE r.name = given.name) AS fire_at
                FROM unnest(\(names)::text[]) AS given (name)) newest
            WHERE fire_at IS NOT NULL
            """)
        return try rows.reduce(into: [:]) { $0[try $1.text(0)] = try $1.int(1) }
    }
}
