internal import Postgres

/// What an assignment's plan is made from, locked and read in one round trip.
struct AssignmentLook {
    let ground: AssignmentGround
    /// Those of the asked for that are pending, in the order asked for.
    let customers: [WaitingCustomer]
    /// All on the list of shares.
    let sellers: [Seller]
    /// Free slots of the open cycle that an undo gave back, by position.
    let returned: [SlotToken]
    /// Those of the popped tokens that are free slots of the open cycle, in their order.
    let tokens: [SlotToken]

    /// Takes the assignment's lock, then locks the customers, then the sellers: also if no customer is pending, which is
    /// known only with the answer.
    ///
    /// - Parameter ids: customers, each once.
    static func take(_ ids: [Int], tokens: [SlotToken], in tx: inout Transaction) throws -> AssignmentLook {
        let (_, ground, _, pending, history, _, _, full, sellers, slots) = try tx.run(
            AssignmentStore.takeLock, AssignmentStore.readGround, planAnew, lockPending(ids), history(ids), keepPlans,
            lockSellers, AssignmentStore.fullSellers(), AssignmentStore.readSellers, freeSlots(tokens))
        var free = FreeSlots(ground.openCycle)
        for slot in slots { free.add(slot) }
        let customers = waiting(ids, pending, history)
        let isRoomNeeded = !full.isEmpty && !customers.isEmpty
        return AssignmentLook(
            ground: ground, customers: customers,
            sellers: isRoomNeeded ? try roomMade(for: full, in: &tx) : sellers, returned: free.returned,
            tokens: free.known(tokens))
    }

    // MARK: Plans

    /// The customers of a transaction are found by index, however small the table is: reading all of it is dearer long
    /// before the planner thinks so. And a plan that was made when the table was empty would be kept until it is analysed.
    private static let planAnew = Statement<Void>(
        "SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)")
    /// Plans are kept again; what comes is still found by index.
    private static let keepPlans = Statement<Void>("SELECT set_config('plan_cache_mode', 'auto', true)")
    /// For whoever has more to read, later in the transaction.
    static let planFreely = Statement<Void>("SELECT set_config('enable_seqscan', 'on', true)")

    // MARK: Customers

    /// Ids are compared as the columns' own type, `int`: of another type each row would be compared with each id wherever
    /// the planner takes no index of ids. For the same reason no index of all that are pending must tempt it.
    private static func lockPending(_ ids: [Int]) -> Statement<[Int]> {
        Statement(
            """
            SELECT id FROM crm_customer WHERE id = ANY(\(ids)::int[]) AND pool_state || '' = 'pending'
            ORDER BY id FOR NO KEY UPDATE
            """
        ) { try $0.map { try $0.int(0) } }
    }

    private typealias Past = (customer: Int, seller: Int, isPromise: Bool)

    /// Whom a page of the CRM is just giving to somebody, and who may not have whom: the same rule as `paidan.is_barred`,
    /// for many customers at once. A statement of its own: it sees what those who held the locks have committed.
    private static func history(_ ids: [Int]) -> Statement<[Past]> {
        Statement(
            """
            WITH had AS MATERIALIZED (
                SELECT id, customer_id, user_id, status, ended_on FROM crm_customerdistribution
                WHERE customer_id = ANY(\(ids)::int[])
            )
            SELECT customer_id, user_id, true FROM had WHERE status = 1
            UNION ALL
            SELECT DISTINCT customer_id, user_id, false FROM had
            WHERE status IN (3, 4, 6) AND (SELECT paidan.setting('former_owner', 'any_former')) <> 'last_owner'
            UNION ALL
            SELECT last.customer_id, last.user_id, false FROM (
                SELECT DISTINCT ON (customer_id) * FROM had
                WHERE status <> 1 AND (SELECT paidan.setting('former_owner', 'any_former')) = 'last_owner'
                ORDER BY customer_id, id DESC) last,
                (SELECT paidan.setting('cooldown_days', '0')::int AS days, paidan.today() AS today OFFSET 0) cooldown
            WHERE last.status IN (3, 4, 6)
                AND (cooldown.days = 0 OR cooldown.today < last.ended_on + cooldown.days)
            """
        ) { try $0.map { (customer: try $0.int(0), seller: try $0.int(1), isPromise: try $0.bool(2)) } }
    }

    private static func waiting(_ ids: [Int], _ pending: [Int], _ history: [Past]) -> [WaitingCustomer] {
        var barred: [Int: [Int]] = [:]
        barred.reserveCapacity(pending.count)
        for id in pending { barred[id] = [] }
        for past in history where past.isPromise { barred[past.customer] = nil }
        for past in history { barred[past.customer]?.append(past.seller) }
        return ids.compactMap { id in barred[id].map { WaitingCustomer(id: id, barred: $0) } }
    }

    // MARK: Sellers

    /// Before they are read: counts that a grab changes are taken after its lock is ours.
    private static let lockSellers = Statement<Void>(
        """
        SELECT u.id FROM crm_userinfo u WHERE u.id IN (SELECT user_id FROM crm_salerank WHERE num > 0)
        ORDER BY u.id FOR NO KEY UPDATE
        """)

    private static func roomMade(for full: [Int], in tx: inout Transaction) throws -> [Seller] {
        try AssignmentStore.expireOverdue(of: full, in: &tx)
        return try AssignmentStore.sellers(in: &tx)
    }

    // MARK: Slots

    private typealias FreeSlot = (position: Int, user: Int, isReturned: Bool)

    /// Free slots of the open cycle at the tokens' positions, and those that an undo gave back: it leaves its time on
    /// them.
    private static func freeSlots(_ tokens: [SlotToken]) -> Statement<[FreeSlot]> {
        // Whatever else is in the list is no position.
        let positions = tokens.map(\.position).filter { 1...Int(Int32.max) ~= $0 }
        return Statement(
            """
            SELECT pos, user_id, false FROM paidan.assign_slot
            WHERE cycle_no = (SELECT cycle_no FROM paidan.assign_cycle WHERE closed_at IS NULL)
                AND state = 'free' AND pos = ANY(\(positions)::int[])
            UNION ALL (
                SELECT pos, user_id, true FROM paidan.assign_slot
                WHERE cycle_no = (SELECT cycle_no FROM paidan.assign_cycle WHERE closed_at IS NULL)
                    AND state = 'free' AND at IS NOT NULL
                ORDER BY pos)
            """
        ) { try $0.map { (position: try $0.int(0), user: try $0.int(1), isReturned: try $0.bool(2)) } }
    }

    private struct FreeSlots {
        let cycle: Int?
        private(set) var returned: [SlotToken] = []
        private var users: [Int: Int] = [:]

        init(_ cycle: Int?) { self.cycle = cycle }

        mutating func add(_ slot: FreeSlot) {
            guard let cycle else { return }
            if slot.isReturned {
                returned.append(SlotToken(cycle: cycle, position: slot.position, user: slot.user))
            } else {
                users[slot.position] = slot.user
            }
        }

        /// Each position once; tokens of another cycle may have a position of this one.
        mutating func known(_ tokens: [SlotToken]) -> [SlotToken] {
            tokens.compactMap { token in
                guard let cycle, token.cycle == cycle, let user = users.removeValue(forKey: token.position) else {
                    return nil
                }
                return SlotToken(cycle: cycle, position: token.position, user: user)
            }
        }
    }
}
