public import Jobs
public import Postgres

/// Fires of schedules in `paidan.schedule_run`, each with its job in the outbox of the same transaction.
public struct PostgresScheduleLedger: ScheduleLedger {
    private let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    public func lastFires(of names: [String], now: Int) async throws -> [String: Int] {
        try await pool.transaction { tx in
            var fires: [String: Int] = [:]
            for name in names {
                if let last = try ScheduleRuns.last(name: name, in: &tx) {
                    fires[name] = last
                } else {
                    // Its beginning: whoever writes it first, all count from about now.
                    _ = try ScheduleRuns.fire(name: name, at: now, in: &tx)
                    fires[name] = now
                }
            }
            return fires
        }
    }

    public func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool {
        try await pool.transaction { tx in
            guard try ScheduleRuns.fire(name: schedule.name, at: instant, in: &tx) else { return false }
            if enqueues {
                try Outbox.append(
                    [OutboxJob(kind: schedule.kind, args: schedule.args, queue: schedule.queue)], in: &tx)
            }
            return true
        }
    }
}
