public import Jobs
public import Postgres

/// Fires of schedules in `paidan.schedule_run`, each with its job in the outbox of the same transaction.
public struct PostgresScheduleLedger: ScheduleLedger {
    private let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    public func now() async throws -> Int {
        try await pool.query("SELECT floor(extract(epoch FROM paidan.now()) * 1000)::bigint")[0].int(0)
    }

    public func begin(_ schedules: [Schedule], now: Int) async throws -> [String: Int] {
        let names = schedules.map(\.name)
        return try await pool.transaction { tx in
            _ = try tx.query("DELETE FROM paidan.schedule WHERE name <> ALL (\(names)::text[])")
            // In the order of their names, so that two processes that start do not wait for each other in a circle.
            _ = try tx.query(
                """
                INSERT INTO paidan.schedule AS known (name, cron, timezone, counts_from)
                SELECT name, cron, timezone, to_timestamp(\(now)::bigint / 1000.0)
                FROM unnest(\(names)::text[], \(schedules.map(\.expression))::text[],
                    \(schedules.map(\.zone.name))::text[]) AS given (name, cron, timezone)
                ORDER BY name
                ON CONFLICT (name) DO UPDATE
                    SET cron = excluded.cron, timezone = excluded.timezone, counts_from = excluded.counts_from
                    WHERE known.cron <> excluded.cron OR known.timezone <> excluded.timezone
                        OR known.counts_from > excluded.counts_from
                """)
            let rows = try tx.query(
                """
                SELECT s.name, floor(extract(epoch FROM greatest(s.counts_from, (
                    SELECT max(r.fire_at) FROM paidan.schedule_run r
                    WHERE r.name = s.name AND r.fire_at <= to_timestamp(\(now)::bigint / 1000.0)))) * 1000)::bigint
                FROM paidan.schedule s WHERE s.name = ANY (\(names)::text[])
                """)
            return try rows.reduce(into: [:]) { $0[try $1.text(0)] = try $1.int(1) }
        }
    }

    public func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool {
        try await pool.transaction { tx in
            guard enqueues else { return try ScheduleRuns.skip(name: schedule.name, to: instant, in: &tx) }
            guard try ScheduleRuns.fire(name: schedule.name, at: instant, in: &tx) else { return false }
            let jobs = try Outbox.append(
                [OutboxJob(kind: schedule.kind, args: schedule.args, queue: schedule.queue)], in: &tx)
            for job in jobs { try ScheduleRuns.note(job: job, name: schedule.name, at: instant, in: &tx) }
            return true
        }
    }

    public func lastFires(of names: [String]) async throws -> [String: Int] {
        try await pool.transaction { try ScheduleRuns.last(of: names, in: &$0) }
    }
}
