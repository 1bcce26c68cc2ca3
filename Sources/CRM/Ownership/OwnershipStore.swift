internal import Postgres

/// Reads and writes of who has a customer. Lock order: customers, then sellers, each by id.
enum OwnershipStore {
    /// Locks a customer, lets today's expiry happen, then reads it.
    ///
    /// - Returns: `nil` if there is none.
    static func lock(_ id: Int, in tx: inout Transaction) throws -> HeldCustomer? {
        let known = try tx.query("SELECT consultant_id FROM crm_customer WHERE id = \(id)::bigint FOR NO KEY UPDATE")
        guard let had = known.first else { return nil }
        let lapsed = try tx.query("SELECT paidan.expire_customer(\(id)::bigint)")[0].bool(0)
        let rows = try tx.query(
            """
            SELECT c.pool_state, CASE WHEN c.pool_state = 'private' THEN c.consultant_id END, d.user_id, d.status,
                CASE WHEN c.pool_state = 'public' THEN paidan.today() - c.pool_since END,
                c.pool_state IN ('pending', 'public') AND EXISTS (
                    SELECT FROM crm_customerdistribution WHERE customer_id = c.id AND status = 1)
            FROM crm_customer c LEFT JOIN LATERAL (
                SELECT user_id, status FROM crm_customerdistribution
                WHERE customer_id = c.id AND status <> 1 ORDER BY id DESC LIMIT 1) d ON true
            WHERE c.id = \(id)::bigint
            """)
        guard let row = rows.first, let state = HeldCustomer.State(rawValue: try row.text(0)) else { return nil }
        var past: HeldCustomer.Past?
        if let user = try row.optionalInt(2), let status = DistributionStatus(rawValue: try row.int(3)) {
            past = .init(user: user, status: status)
        }
        return HeldCustomer(
            id: id, state: state, owner: try row.optionalInt(1), past: past, poolDays: try row.optionalInt(4),
            isPromised: try row.bool(5), lapsed: lapsed ? try had.optionalInt(0) : nil)
    }

    /// Locks people of whom one is to get the customer and another may lose it, by id: neither waits for the other.
    static func lockPeople(_ people: [Int?], in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            SELECT FROM crm_userinfo WHERE id = ANY(\(people.compactMap(\.self))::bigint[]) ORDER BY id FOR NO KEY UPDATE
            """)
    }

    /// Locks a seller, then reads what bounds his grabs: what others take for him waits for the lock.
    ///
    /// - Returns: `nil` unless he is an active person of department 1001.
    static func lockGrabber(
        _ user: Int, of customer: Int, in tx: inout Transaction
    ) throws -> GrabRules.Grabber? {
        guard try lockSeller(user, in: &tx) else { return nil }
        try AssignmentStore.makeRoom(of: user, in: &tx)
        var grabber = try grabber(user, in: &tx)
        grabber?.isBarred = try tx.query("SELECT paidan.is_barred(\(customer)::bigint, \(user)::bigint)")[0].bool(0)
        return grabber
    }

    /// What bounds a seller's grabs of any customer, at this moment. Counts stop at their cap, so their cost does not grow
    /// with what a seller holds.
    ///
    /// Customers whose last day with him is over count as held: after those that can be have been let go, the others are
    /// his until somebody does.
    ///
    /// - Returns: `nil` unless he is an active person of department 1001.
    static func grabber(_ user: Int, in tx: inout Transaction) throws -> GrabRules.Grabber? {
        let rows = try tx.query(
            """
            SELECT l.holding_cap, l.daily_cap, CASE WHEN l.holding_cap IS NULL THEN 0 ELSE (
                    SELECT count(*) FROM (SELECT FROM crm_customerdistribution h
                        WHERE h.user_id = u.id AND h.status = 1 LIMIT l.holding_cap) held) END,
                count(d.*), count(d.*) FILTER (WHERE d.origin = 'grab')
            FROM crm_userinfo u CROSS JOIN (SELECT paidan.today() AS today OFFSET 0) day
            LEFT JOIN paidan.rank_limit l ON l.user_id = u.id
            LEFT JOIN crm_customerdistribution d ON d.user_id = u.id AND d.ctime = day.today
                AND d.status BETWEEN 1 AND 8 AND d.origin IN ('auto', 'grab')
            WHERE u.id = \(user)::bigint AND u.is_active AND u.depart_id = 1001
            GROUP BY u.id, l.user_id, day.today
            """)
        guard let row = rows.first else { return nil }
        return GrabRules.Grabber(
            user: user, holding: try row.int(2), holdingCap: try row.optionalInt(0), takenToday: try row.int(3),
            dailyCap: try row.optionalInt(1), picksToday: try row.int(4))
    }

    /// Locks a person who is to get a customer.
    ///
    /// - Returns: whether he is an active person of department 1001.
    static func lockSeller(_ user: Int, in tx: inout Transaction) throws -> Bool {
        try !tx.query(
            """
            SELECT FROM crm_userinfo WHERE id = \(user)::bigint AND is_active AND depart_id = 1001
            FOR NO KEY UPDATE
            """
        ).isEmpty
    }

    /// Whether the text has a character that can be seen.
    static func isVisible(_ text: String, in tx: inout Transaction) throws -> Bool {
        try tx.query("SELECT paidan.is_visible(\(text)::text)")[0].bool(0)
    }

    /// Ends the open distribution, today.
    ///
    /// - Parameter memo: why, in the words of who did it; at most 255 characters.
    static func end(
        _ customer: Int, _ status: DistributionStatus, memo: String? = nil, in tx: inout Transaction
    ) throws {
        _ = try tx.query(
            """
            UPDATE crm_customerdistribution SET status = \(status.rawValue)::int, ended_on = greatest(ctime, paidan.today()),
                memo = coalesce(\(memo)::text, memo)
            WHERE customer_id = \(customer)::bigint AND status = 1
            """)
    }

    /// Makes somebody its owner, with new clocks; the open distribution must have ended.
    ///
    /// - Returns: the new distribution.
    @discardableResult
    static func give(
        _ customer: Int, to user: Int, _ origin: DistributionOrigin, in tx: inout Transaction
    ) throws -> Int {
        _ = try tx.query(
            """
            UPDATE crm_customer SET status = 2, consultant_id = \(user)::bigint, pool_since = NULL,
                protected_until = NULL, recv_date = day.today, last_consult_date = day.today, version = version + 1
            FROM (SELECT paidan.today() AS today OFFSET 0) day WHERE id = \(customer)::bigint
            """)
        return try tx.query(
            """
            INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin)
            VALUES (\(user)::bigint, \(customer)::bigint, paidan.today(), 1, \(origin.rawValue)) RETURNING id
            """)[0].int(0)
    }

    /// Puts it into the pool, from today.
    static func free(_ customer: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            UPDATE crm_customer SET consultant_id = NULL, pool_since = paidan.today(), protected_until = NULL,
                version = version + 1
            WHERE id = \(customer)::bigint
            """)
    }
}
