public import Postgres

/// The lists of the pool, as of today: newest first, pages by key.
public struct PoolSearch: Sendable {
    let pool: PostgresPool
    let settings: PoolSettings
    let deadline: Duration

    public init(pool: PostgresPool, settings: PoolSettings, deadline: Duration = .seconds(3)) {
        self.pool = pool
        self.settings = settings
        self.deadline = deadline
    }

    /// - Throws: ``ListRefusal``.
    public func page(
        _ list: PoolList, limit: Int = 50, cursor: String? = nil, for caller: Caller
    ) async throws -> ListPage<PoolCustomer> {
        let name = ListCursor.fingerprint([["pool", list.rawValue]])
        let after = try cursor.map { try ListCursor($0, of: name) }
        if let after, try after.day == nil { throw ListRefusal.cursor }
        let rules = GrabRules(settings: settings)
        let seller = caller.seller
        return try await Snapshot.read(pool, deadline) { tx in
            let today = try TodaySQL.read(in: &tx)
            guard let sql = try PoolSQL(today: today, after: after, count: limit + 1).list(list, in: &tx) else {
                return ListPage(items: [], nextCursor: nil)
            }
            var places = try tx.query(sql).map { SearchPlan.Place(id: try $0.int(0), key: $0.optionalText(1)) }
            let isLast = places.count <= limit
            places = Array(places.prefix(limit))
            let next = isLast ? nil : places.last.map { ListCursor(list: name, key: $0.key, id: $0.id) }
            let views = try CustomerStore.views(places.map(\.id), in: &tx)
            let grabbable = try Self.grabbable(places.map(\.id), by: seller, rules, today, in: &tx)
            let items = views.map { PoolCustomer(customer: $0, mayGrab: grabbable.contains($0.id)) }
            return ListPage(items: items, nextCursor: try next?.text)
        }
    }

    /// What he has and has not lost by now: a grab would let go of the rest first.
    ///
    /// - Parameter cap: counting stops there.
    private static func held(by seller: Int, upTo cap: Int, _ today: TodaySQL, in tx: inout Transaction) throws -> Int {
        // The index of his distributions, not that of everybody's open ones, which `= 1` would offer.
        try tx.query(
            """
            SELECT count(*) FROM (
                SELECT FROM crm_customerdistribution h WHERE h.user_id = \(seller)::int AND h.status BETWEEN 1 AND 1
                    AND NOT EXISTS (SELECT FROM crm_customer f WHERE f.id = h.customer_id AND \(today.isFallen("f")))
                LIMIT \(cap)::int) held
            """)[0].int(0)
    }

    /// Which of them the seller could grab now: judged by the rules of a grab.
    private static func grabbable(
        _ ids: [Int], by seller: Int?, _ rules: GrabRules, _ today: TodaySQL, in tx: inout Transaction
    ) throws -> Set<String> {
        guard let seller, !ids.isEmpty, var bounds = try OwnershipStore.grabber(seller, in: &tx) else { return [] }
        if let cap = bounds.holdingCap, bounds.holding >= cap {
            bounds.holding = try held(by: seller, upTo: cap, today, in: &tx)
        }
        let rows = try tx.query(
            """
            SELECT c.id, \(PoolSQL.isBarred("c", seller, today)),
                \(today.day)::date - CASE WHEN c.pool_state = 'public' THEN c.pool_since ELSE \(today.expiry("c")) END
            FROM crm_customer c WHERE c.id = ANY (\(ids)::int[])
            """)
        var all: Set<String> = []
        for row in rows {
            var grabber = bounds
            grabber.isBarred = try row.bool(1)
            let id = try row.int(0)
            let customer = HeldCustomer(
                id: id, state: .public, owner: nil, past: nil, poolDays: try row.optionalInt(2))
            if rules.refusal(customer, grabber) == nil { all.insert("\(id)") }
        }
        return all
    }
}

extension OwnershipDesk {
    /// The lists of what can be grabbed here.
    public var poolSearch: PoolSearch { PoolSearch(pool: pool, settings: settings) }
}
