public import Postgres

/// The table `paidan.work_calendar`; a day that it does not name is a work day from Monday to Friday.
public struct CalendarStore: Sendable {
    private let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    /// Puts the days of a sheet in the place of those of the same dates; other days stay.
    ///
    /// - Parameter actor: for the audit log.
    /// - Returns: how many days are new or say otherwise than before.
    public func replace(_ sheet: CalendarSheet, actor: String) async throws -> Int {
        let days = sheet.entries.map(\.day.description)
        let flags = sheet.entries.map(\.isWorkday)
        return try await pool.transaction { tx in
            Author.set(actor, in: &tx)
            // Two imports at once: one after the other.
            _ = try tx.query("LOCK TABLE paidan.work_calendar IN SHARE ROW EXCLUSIVE MODE")
            return try tx.query(
                """
                WITH changed AS MATERIALIZED (
                    SELECT given.day, given.is_workday, known.is_workday AS was
                    FROM unnest(\(days)::date[], \(flags)::boolean[]) AS given (day, is_workday)
                    LEFT JOIN paidan.work_calendar known ON known.day = given.day
                    WHERE known.is_workday IS DISTINCT FROM given.is_workday
                ), written AS (
                    INSERT INTO paidan.work_calendar (day, is_workday) SELECT day, is_workday FROM changed
                    ON CONFLICT (day) DO UPDATE SET is_workday = excluded.is_workday
                ), audited AS (
                    INSERT INTO paidan.audit_log (action, entity, before, after)
                    SELECT 'calendar.import', 'work_calendar',
                        coalesce(jsonb_object_agg(day, was) FILTER (WHERE was IS NOT NULL), '{}'),
                        jsonb_object_agg(day, is_workday)
                    FROM changed HAVING count(*) > 0
                )
                SELECT count(*) FROM changed
                """)[0].int(0)
        }
    }

    /// What is to be known of the calendar.
    public struct State: Sendable, Equatable {
        /// Only work days count until a customer expires.
        public let isUsed: Bool
        /// The last day that it names, `YYYY-MM-DD`; nil if it names none.
        public let last: String?
        /// Days from today to ``last``; negative if it is past.
        public let daysLeft: Int?
    }

    public func state() async throws -> State {
        let row = try await pool.query(
            """
            SELECT paidan.setting('clock', 'natural') = 'workday', max(day), max(day) - paidan.today()
            FROM paidan.work_calendar
            """)[0]
        return State(isUsed: try row.bool(0), last: row.optionalText(1), daysLeft: try row.optionalInt(2))
    }
}
