public import Postgres

/// Deletes what has served its time, in steps small enough that nobody waits for them.
public struct Retention: Sendable {
    /// How long receipts are kept. Longer than dead jobs are. Default 60 days.
    public var receipts: Duration = .seconds(60 * 86_400)
    /// How long an outbox row stays after it was sent, its receipt given; without one it stays as long as receipts do.
    /// Default 1 day.
    public var outbox: Duration = .seconds(86_400)
    /// How long fires of schedules are kept; the newest of each schedule always is. Default 60 days.
    public var scheduleRuns: Duration = .seconds(60 * 86_400)
    /// Rows of one step. Default 1000.
    public var step = 1000

    public init() {}

    /// Deletes all that is due.
    ///
    /// - Returns: how many rows.
    public func prune(_ pool: PostgresPool) async throws -> Int {
        var deleted = 0
        for statement in statements {
            while true {
                try Task.checkCancellation()
                let rows = try await pool.query(statement).affected
                deleted += rows
                if rows < step { break }
            }
        }
        return deleted
    }

    private var statements: [SQL] {
        [
            """
            DELETE FROM paidan.outbox WHERE id IN (
                SELECT o.id FROM paidan.outbox o
                WHERE o.sent_at < now() - \(outbox.seconds)::float8 * interval '1 second'
                  AND (o.sent_at < now() - \(receipts.seconds)::float8 * interval '1 second'
                       OR EXISTS (SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text))
                ORDER BY o.sent_at LIMIT \(step)::int)
            """,
            """
            DELETE FROM paidan.job_receipt WHERE ctid = ANY (ARRAY(
                SELECT r.ctid FROM paidan.job_receipt r
                WHERE r.at < now() - \(receipts.seconds)::float8 * interval '1 second' LIMIT \(step)::int))
            """,
            """
            DELETE FROM paidan.schedule_run WHERE (name, fire_at) IN (
                SELECT r.name, r.fire_at FROM paidan.schedule_run r
                WHERE r.fire_at < now() - \(scheduleRuns.seconds)::float8 * interval '1 second'
                  AND EXISTS (SELECT FROM paidan.schedule_run n WHERE n.name = r.name AND n.fire_at > r.fire_at)
                LIMIT \(step)::int)
            """,
        ]
    }
}
