internal import Postgres

/// The business day and what it makes of private customers, as conditions over plain columns: a function for each row
/// would cost more than the row.
struct TodaySQL: Sendable {
    /// Customers that are overdue on some day: `last_consult_date` or `recv_date` is not after these.
    struct Over: Sendable {
        let day: String
        let lastConsult: String
        let recv: String

        /// The dates alone say so, whatever protects the customer.
        func dates(_ c: String) -> SQL {
            "(\(raw: c).last_consult_date <= \(lastConsult)::date OR \(raw: c).recv_date <= \(recv)::date)"
        }

        /// A private customer whose first day as nobody's is this one or an earlier one.
        ///
        /// The dates are hidden from the planner: it takes private customers with recent dates for few, which all are.
        func condition(_ c: String) -> SQL {
            """
            ((\(raw: c).last_consult_date + 0 <= \(lastConsult)::date OR \(raw: c).recv_date + 0 <= \(recv)::date)
                AND (\(raw: c).protected_until IS NULL OR \(raw: c).protected_until < \(day)::date))
            """
        }
    }

    let today: Over
    /// Expiry on the day before ``CustomerQuery/dueBefore`` or sooner.
    let due: Over?
    let followDays: Int
    let dealDays: Int
    /// Calendar days: dates are added, not looked up.
    let isNatural: Bool

    var day: String { today.day }

    static func read(dueBefore: String? = nil, in tx: inout Transaction) throws -> TodaySQL {
        let row = try tx.query(
            """
            SELECT t.today, t.follow, t.deal, t.clock <> 'workday',
                paidan.latest_start(t.today, t.follow), paidan.latest_start(t.today, t.deal), t.due,
                paidan.latest_start(t.due, t.follow), paidan.latest_start(t.due, t.deal)
            FROM (SELECT paidan.today() AS today, paidan.setting('follow_up_days', '3')::int AS follow,
                paidan.setting('deal_days', '15')::int AS deal, paidan.setting('clock', 'natural') AS clock,
                \(dueBefore)::date - 1 AS due OFFSET 0) t
            """)[0]
        var due: Over?
        if let day = row.optionalText(6) {
            due = Over(day: day, lastConsult: try row.text(7), recv: try row.text(8))
        }
        return TodaySQL(
            today: Over(day: try row.text(0), lastConsult: try row.text(4), recv: try row.text(5)), due: due,
            followDays: try row.int(1), dealDays: try row.int(2), isNatural: try row.bool(3))
    }

    /// First day on which a private customer with these dates is nobody's, were it not protected.
    func unprotectedExpiry(_ c: String) -> SQL {
        isNatural
            ? """
            (least(\(raw: c).last_consult_date + \(followDays)::int, \(raw: c).recv_date + \(dealDays)::int) + 1)
            """
            : "paidan.expired_on(\(raw: c).recv_date, \(raw: c).last_consult_date, NULL)"
    }

    func expiry(_ c: String) -> SQL { "greatest(\(unprotectedExpiry(c)), \(raw: c).protected_until + 1)" }

    /// Private still; a fallen one has no consultant.
    func isPrivate(_ c: String) -> SQL { "(\(raw: c).pool_state = 'private' AND NOT \(today.condition(c)))" }

    /// Stored as private, fallen today or before, and not met by a sweep yet.
    func isFallen(_ c: String) -> SQL { "(\(raw: c).pool_state = 'private' AND \(today.condition(c)))" }

    func isPublic(_ c: String) -> SQL { "(\(raw: c).pool_state = 'public' OR \(isFallen(c)))" }
}
