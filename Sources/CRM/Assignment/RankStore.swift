public import Postgres

/// Shares and caps of the sellers.
public enum RankStore {
    /// By weight, highest first.
    public static func list(in tx: inout Transaction) throws -> [RankEntry] {
        try tx.query(
            """
            SELECT r.user_id, r.num, r.weight, l.daily_cap, l.holding_cap
            FROM crm_salerank r LEFT JOIN paidan.rank_limit l ON l.user_id = r.user_id
            ORDER BY r.weight DESC, r.user_id
            """
        ).map { row in
            RankEntry(
                userID: try row.int(0), num: try row.int(1), weight: try row.int(2), dailyCap: try row.optionalInt(3),
                holdingCap: try row.optionalInt(4))
        }
    }

    public enum Replaced: Sendable, Equatable {
        /// What the list should hold now that slots may be void.
        case done(CycleLoad)
        case invalid([RankProblem])
    }

    /// Sets the whole list; who is missing gets num 0, and whoever has num 0 now loses his free slots at once.
    /// Waiting customers are assigned again.
    static func replace(_ list: [RankEntry], actor: String, in tx: inout Transaction) throws -> Replaced {
        let problems = try problems(list, in: &tx)
        if !problems.isEmpty { return .invalid(problems) }
        Author.set(actor, in: &tx)
        _ = try AssignmentStore.lock(in: &tx)
        let before = try snapshot(in: &tx)
        try write(list, in: &tx)
        try AuditLog.record(
            "ranks.replace", "crm_salerank", nil, before: "\(utf8: before)::jsonb",
            after: "\(utf8: try snapshot(in: &tx))::jsonb", in: &tx)
        // The table's triggers have counted the version up and made the free slots of num 0 void.
        let load = try AssignmentStore.load(in: &tx)
        try WaitingCustomers.enqueue(in: &tx)
        return .done(load)
    }

    private static func problems(_ list: [RankEntry], in tx: inout Transaction) throws -> [RankProblem] {
        let problems = RankRules.problems(list)
        if !problems.isEmpty { return problems }
        let users = list.map(\.userID)
        let known = Set(
            try tx.query("SELECT id FROM crm_userinfo WHERE id = ANY(\(users)::bigint[])").map { try $0.int(0) })
        return list.indices.filter { !known.contains(list[$0].userID) }.map { index in
            RankProblem(
                pointer: "/\(index)/user_id", code: "unknown_user", message: "there is no user \(list[index].userID)")
        }
    }

    private static func write(_ list: [RankEntry], in tx: inout Transaction) throws {
        let users = list.map(\.userID)
        let nums = list.map(\.num)
        let weights = list.map(\.weight)
        _ = try tx.query(
            """
            INSERT INTO crm_salerank (user_id, num, weight)
            SELECT * FROM unnest(\(users)::bigint[], \(nums)::int[], \(weights)::int[])
            ON CONFLICT (user_id) DO UPDATE SET num = excluded.num, weight = excluded.weight
            """)
        _ = try tx.query("UPDATE crm_salerank SET num = 0 WHERE num <> 0 AND user_id <> ALL(\(users)::bigint[])")
        let daily = list.map(\.dailyCap)
        let holding = list.map(\.holdingCap)
        // Only what is another cap than before: each change is kept.
        // Their triggers lock the sellers one by one: here they are by id, as everywhere.
        let limited = try tx.query("SELECT user_id FROM paidan.rank_limit").map { try $0.int(0) }
        try OwnershipStore.lockPeople(users + limited, in: &tx)
        let capped = list.filter { $0.dailyCap != nil || $0.holdingCap != nil }.map(\.userID)
        _ = try tx.query("DELETE FROM paidan.rank_limit WHERE user_id <> ALL(\(capped)::bigint[])")
        _ = try tx.query(
            """
            INSERT INTO paidan.rank_limit (user_id, daily_cap, holding_cap)
            SELECT * FROM unnest(\(users)::bigint[], \(daily)::int[], \(holding)::int[]) given (user_id, daily, holding)
            WHERE given.daily IS NOT NULL OR given.holding IS NOT NULL
            ON CONFLICT (user_id) DO UPDATE SET daily_cap = excluded.daily_cap, holding_cap = excluded.holding_cap
            WHERE (rank_limit.daily_cap, rank_limit.holding_cap) IS DISTINCT FROM (excluded.daily_cap, excluded.holding_cap)
            """)
    }

    /// The whole list as JSON.
    private static func snapshot(in tx: inout Transaction) throws -> [UInt8] {
        try tx.query(
            """
            SELECT coalesce(jsonb_agg(jsonb_build_object('user_id', r.user_id, 'num', r.num, 'weight', r.weight,
                'daily_cap', l.daily_cap, 'holding_cap', l.holding_cap) ORDER BY r.user_id), '[]')
            FROM crm_salerank r LEFT JOIN paidan.rank_limit l ON l.user_id = r.user_id
            """)[0].utf8(0)
    }
}
