internal import Postgres

/// How a customer's row reads as of today (domain.md §2), as SQL over a table alias.
enum CustomerSQL {
    /// The first day on which it is no longer private; for private customers only.
    static func expires(_ c: String) -> SQL {
        "paidan.expired_on(\(raw: c).recv_date, \(raw: c).last_consult_date, \(raw: c).protected_until)"
    }

    /// `pool_state`, an overdue customer that no sweep has met yet being public.
    static func state(_ c: String) -> SQL {
        """
        CASE WHEN \(raw: c).pool_state = 'private' AND \(expires(c)) <= (SELECT paidan.today()) THEN 'public'
            ELSE \(raw: c).pool_state END
        """
    }
}
