internal import Postgres

/// The day by which expiry is judged, and which starts are too early for it.
struct ExpiryDay: Sendable {
    /// `YYYY-MM-DD`.
    let asOf: String
    /// What was received before is overdue on that day.
    let dealStart: String
    /// What was followed up last before is overdue on that day.
    let followStart: String

    /// - Parameter asOf: an expression of type date; today unless given.
    static func read(_ asOf: SQL = "paidan.today()", in tx: inout Transaction) throws -> ExpiryDay {
        let row = try tx.query(
            """
            SELECT day, paidan.first_start(day, paidan.setting('deal_days', '15')::int),
                paidan.first_start(day, paidan.setting('follow_up_days', '3')::int)
            FROM (SELECT \(asOf) AS day OFFSET 0) given
            """)[0]
        return ExpiryDay(asOf: try row.text(0), dealStart: try row.text(1), followStart: try row.text(2))
    }
}

/// Who is overdue on a day, as SQL that reads what is due by an index and asks the rule once for each date, not for each
/// customer.
enum ExpirySQL {
    /// Private customers that may be overdue: all that are, and with an odd calendar some that are not.
    ///
    /// - Parameter columns: of `crm_customer c`.
    static func candidates(_ columns: SQL, on day: ExpiryDay) -> SQL {
        let late: SQL = "c.last_consult_date < \(day.followStart)::date"
        let starts: [SQL] = [
            "c.recv_date < \(day.dealStart)::date",
            """
            c.recv_date = ANY (ARRAY(SELECT \(day.dealStart)::date + n
                FROM generate_series(0, \(day.asOf)::date - \(day.dealStart)::date) n)) AND \(late)
            """,
            // Received in the future: only pages write that.
            "c.recv_date > \(day.asOf)::date AND \(late)",
        ]
        return SQL.join(
            starts.map { start in
                """
                SELECT \(columns) FROM crm_customer c
                WHERE c.pool_state = 'private' AND \(start)
                    AND (c.protected_until IS NULL OR c.protected_until < \(day.asOf)::date)
                """
            }, " UNION ALL ")
    }

    /// Columns of `crm_customer c` by which ``judged(_:)`` judges.
    static let dates: SQL = "c.id, c.consultant_id, c.recv_date, c.last_consult_date, c.protected_until"

    /// Common table expressions, the last of them `due (id, consultant_id, expired_on, status)`: for each of `customers`
    /// what `paidan.expired_on` and `paidan.expiry_status` answer.
    ///
    /// - Parameter customers: a query of the columns ``dates``.
    static func judged(_ customers: SQL) -> SQL {
        """
        held AS MATERIALIZED (\(customers)),
        follow AS MATERIALIZED (
            SELECT start, paidan.last_day(start, paidan.setting('follow_up_days', '3')::int) AS due
            FROM (SELECT DISTINCT last_consult_date AS start FROM held) AS starts),
        deal AS MATERIALIZED (
            SELECT start, paidan.last_day(start, paidan.setting('deal_days', '15')::int) AS due
            FROM (SELECT DISTINCT recv_date AS start FROM held) AS starts),
        due AS (
            SELECT held.id, held.consultant_id,
                greatest(least(follow.due, deal.due) + 1, held.protected_until + 1) AS expired_on,
                CASE WHEN deal.due <= follow.due THEN 4 ELSE 3 END AS status
            FROM held JOIN follow ON follow.start = held.last_consult_date JOIN deal ON deal.start = held.recv_date)
        """
    }
}
