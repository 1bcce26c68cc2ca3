internal import Postgres

/// The lists of the pool as SQL: ids with the day on which each became public, newest first, after a cursor.
struct PoolSQL: Sendable {
    let today: TodaySQL
    let after: ListCursor?
    let count: Int
    /// A seller who is barred from fewer customers is found by counting.
    private static let fewEnough = 1000
    /// So few sellers are often barred together: the pool is walked along.
    private static let smallTeam = 5

    /// - Returns: nil for a list that is empty by its nature.
    func list(_ list: PoolList, in tx: inout Transaction) throws -> SQL? {
        switch list {
        case .open: return pages("true")
        case .cold: return pages("true", before: PoolList.coldDays)
        case .exhausted: return try exhausted(in: &tx)
        }
    }

    /// Of stored public customers, along their index; and of those that fell and no sweep has met, from each pair of
    /// dates.
    private func pages(_ condition: SQL, before days: Int = 0) -> SQL {
        let last: SQL = "\(today.day)::date - \(days)::int"
        let expiry = today.unprotectedExpiry("p")
        return """
            SELECT x.id, x.since FROM (
                (SELECT c.id, c.pool_since AS since FROM crm_customer c
                WHERE c.pool_state = 'public' AND c.pool_since <= \(last) AND \(bound("c.pool_since", "c.id"))
                    AND \(condition)
                ORDER BY c.pool_since DESC, c.id DESC LIMIT \(count)::int)
                UNION ALL
                (SELECT c.id, p.expires FROM (
                    SELECT p.*, \(expiry) AS expires FROM paidan.due_pairs() p
                    WHERE \(today.today.dates("p")) AND \(expiry) <= \(last) AND \(bound(expiry))) p
                CROSS JOIN LATERAL (
                    SELECT c.id FROM crm_customer c
                    WHERE c.pool_state = 'private' AND c.recv_date = p.recv_date
                        AND c.last_consult_date = p.last_consult_date
                        AND (c.protected_until IS NULL OR c.protected_until < p.expires)
                        AND \(bound("p.expires", "c.id")) AND \(condition)
                    ORDER BY c.id DESC LIMIT \(count)::int) c)
                UNION ALL
                SELECT c.id, c.protected_until + 1 FROM crm_customer c
                WHERE \(today.isFallen("c")) AND c.pool_state = 'private' AND c.protected_until IS NOT NULL
                    AND c.protected_until >= \(today.unprotectedExpiry("c")) AND c.protected_until + 1 <= \(last)
                    AND \(bound("c.protected_until + 1", "c.id")) AND \(condition)
            ) x ORDER BY x.since DESC, x.id DESC LIMIT \(count)::int
            """
    }

    /// Beyond the cursor.
    private func bound(_ since: SQL, _ id: SQL? = nil) -> SQL {
        guard let after, let day = after.key else { return "true" }
        guard let id else { return "\(since) <= \(day)::date" }
        return "(\(since), \(id)) < (\(day)::date, \(after.id)::int)"
    }

    /// Whether a seller may not have a public customer; of one that fell and was not swept yet, its owner may not.
    static func isBarred(_ c: String, _ seller: Int, _ today: TodaySQL) -> SQL {
        """
        CASE WHEN \(raw: c).pool_state = 'private' AND \(raw: c).consultant_id = \(seller)::int
            THEN paidan.setting('former_owner', 'any_former') <> 'last_owner'
                OR paidan.setting('cooldown_days', '0')::int = 0
                OR \(today.day)::date < \(today.expiry(c)) + paidan.setting('cooldown_days', '0')::int
            WHEN \(raw: c).pool_state = 'private' AND paidan.setting('former_owner', 'any_former') = 'last_owner'
            THEN false
            ELSE paidan.is_barred(\(raw: c).id, \(seller)::int) END
        """
    }

    /// Whom all active sellers are barred from. Whoever is barred from the fewest says where to look.
    private func exhausted(in tx: inout Transaction) throws -> SQL? {
        let rows = try tx.query(
            """
            SELECT u.id, (SELECT count(*) FROM (SELECT FROM crm_customerdistribution d
                WHERE d.user_id = u.id AND d.status IN (3, 4, 6) LIMIT \(Self.fewEnough + 1)::int) counted) AS barred,
                paidan.setting('former_owner', 'any_former')
            FROM crm_userinfo u WHERE u.is_active AND u.depart_id = 1001 ORDER BY 2, 1
            """)
        guard let first = rows.first else { return pages("true") }
        let seller = try first.int(0)
        if try first.text(2) == "last_owner" {
            // One customer has one last owner.
            return rows.count > 1 ? nil : pages(Self.isBarred("c", seller, today))
        }
        let sellers = try rows.map { try $0.int(0) }
        let everybody: SQL = """
            NOT EXISTS (SELECT FROM unnest(\(sellers)::int[]) AS u (id)
                WHERE NOT (c.pool_state = 'private' AND c.consultant_id = u.id) AND NOT EXISTS (
                    SELECT FROM crm_customerdistribution d
                    WHERE d.customer_id = c.id AND d.user_id = u.id AND d.status IN (3, 4, 6)))
            """
        if try first.int(1) > Self.fewEnough, sellers.count <= Self.smallTeam { return pages(everybody) }
        return """
            WITH maybe AS MATERIALIZED (\(barred(seller, and: sellers.dropFirst().first)))
            SELECT x.id, x.since FROM (
                SELECT c.id, CASE WHEN c.pool_state = 'public' THEN c.pool_since ELSE \(today.expiry("c")) END AS since
                FROM maybe JOIN crm_customer c ON c.id = maybe.id
                WHERE \(today.isPublic("c")) AND \(everybody)) x
            WHERE \(bound("x.since", "x.id")) ORDER BY x.since DESC, x.id DESC LIMIT \(count)::int
            """
    }

    /// Customers whom one seller is barred from, and another: from indexes alone.
    private func barred(_ one: Int, and other: Int?) -> SQL {
        func fallen(_ seller: Int) -> SQL {
            "SELECT o.id FROM crm_customer o WHERE o.consultant_id = \(seller)::int AND \(today.isFallen("o"))"
        }
        var both: SQL = "true"
        if let other {
            both = """
                (EXISTS (SELECT FROM crm_customerdistribution e WHERE e.customer_id = b.id
                    AND e.user_id = \(other)::int AND e.status IN (3, 4, 6)) OR b.id IN (\(fallen(other))))
                """
        }
        return """
            SELECT b.id FROM (
                SELECT d.customer_id AS id FROM crm_customerdistribution d
                WHERE d.user_id = \(one)::int AND d.status IN (3, 4, 6) UNION \(fallen(one))) b
            WHERE \(both)
            """
    }
}
