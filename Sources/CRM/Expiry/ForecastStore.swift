public import Postgres

/// Who would lose what on a day if nobody did anything until then.
public struct Forecast: Sendable {
    /// `YYYY-MM-DD`.
    public let asOf: String
    public let counts: SweepCounts
    /// `{"customer_id":"1","user_id":"2","status":3,"ended_on":"2026-01-31"}`, comma, and so on, in pieces of a thousand,
    /// by customer; a comma between two pieces is left out.
    public let items: [[UInt8]]
}

/// Asks the tables what a sweep would do; changes nothing.
public struct ForecastStore: Sendable {
    private let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    /// The business day, `YYYY-MM-DD`.
    public func today() async throws -> String { try await pool.query("SELECT paidan.today()")[0].text(0) }

    /// - Parameter asOf: today unless given; may be ahead.
    public func counts(asOf: String?) async throws -> (asOf: String, counts: SweepCounts) {
        let (day, rows) = try await rows(asOf) {
            """
            SELECT count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4) FROM overdue
            """
        }
        return (day, SweepCounts(notFollowed: try rows[0].int(0), notSigned: try rows[0].int(1)))
    }

    /// - Parameter asOf: today unless given; may be ahead.
    public func forecast(asOf: String?) async throws -> Forecast {
        let (day, rows) = try await rows(asOf) {
            """
            SELECT string_agg('{"customer_id":"' || id || '","user_id":"' || consultant_id || '","status":' || status
                    || ',"ended_on":"' || expired_on || '"}', ',' ORDER BY id),
                count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4)
            FROM (SELECT *, (row_number() OVER (ORDER BY id) - 1) / 1000 AS piece FROM overdue) AS numbered
            GROUP BY piece ORDER BY piece
            """
        }
        var counts = SweepCounts()
        let items = try rows.map { row in
            counts = counts + SweepCounts(notFollowed: try row.int(1), notSigned: try row.int(2))
            return try row.utf8(0)
        }
        return Forecast(asOf: day, counts: counts, items: items)
    }

    private func rows(
        _ asOf: String?, _ select: @escaping @Sendable () -> SQL
    ) async throws -> (day: String, Rows) {
        try await pool.transaction(deadline: SweepJob.patience) { tx in
            let day = try ExpiryDay.read("coalesce(\(asOf)::date, paidan.today())", in: &tx)
            let rows = try tx.query(
                """
                WITH \(ExpirySQL.judged(ExpirySQL.candidates(ExpirySQL.dates, on: day))),
                overdue AS (SELECT * FROM due WHERE expired_on <= \(day.asOf)::date)
                \(select())
                """)
            return (day.asOf, rows)
        }
    }
}
