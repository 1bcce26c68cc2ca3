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

    /// The newest due time that was fired, milliseconds since 1970; nil if the schedule never was.
    public static func last(name: String, in tx: inout Transaction) throws -> Int? {
        try tx.query(
            """
            SELECT (extract(epoch FROM max(fire_at)) * 1000)::bigint FROM paidan.schedule_run WHERE name = \(name)
            """)[0].optionalInt(0)
    }
}
