public import Postgres

/// Slots whose customers are taken out again by an import's undo.
public enum SlotRelease {
    /// Takes the assignment's lock: to be called before any customer is locked.
    public static func lock(in tx: inout Transaction) throws { _ = try AssignmentStore.lock(in: &tx) }

    /// Frees the slots of these distributions: in the open cycle they are handed out again, by position and before all
    /// others, or are void if their seller has left or has no share any more; in a closed one they are void. The caller holds ``lock(in:)`` and deletes or archives the distributions.
    public static func release(distributions: [Int], in tx: inout Transaction) throws {
        if distributions.isEmpty { return }
        // `at` stays set on a freed slot: that is how the next assignment knows it goes first.
        _ = try tx.query(
            """
            UPDATE paidan.assign_slot s SET
                state = CASE WHEN now_is.reason IS NULL THEN 'free' ELSE 'void' END, reason = now_is.reason,
                customer_id = CASE WHEN now_is.closed THEN s.customer_id END,
                distribution_id = CASE WHEN now_is.closed THEN s.distribution_id END,
                at = paidan.now()
            FROM (
                SELECT t.cycle_no, t.pos, c.closed_at IS NOT NULL AS closed,
                    CASE WHEN c.closed_at IS NOT NULL THEN \(VoidReason.undone.rawValue)
                        WHEN NOT (u.is_active AND u.depart_id = 1001) THEN \(VoidReason.left.rawValue)
                        WHEN coalesce(r.num, 0) = 0 THEN \(VoidReason.num.rawValue) END AS reason
                FROM paidan.assign_slot t JOIN paidan.assign_cycle c ON c.cycle_no = t.cycle_no
                    JOIN crm_userinfo u ON u.id = t.user_id LEFT JOIN crm_salerank r ON r.user_id = t.user_id
                WHERE t.distribution_id = ANY(\(distributions)::bigint[]) AND t.state = 'used') now_is
            WHERE s.cycle_no = now_is.cycle_no AND s.pos = now_is.pos
            """)
    }

    /// Makes free slots of these sellers void, at most the open cycle's, and closes it if none is left.
    static func void(
        users: [Int], _ reason: VoidReason, _ ground: AssignmentGround, in tx: inout Transaction
    ) throws -> Int {
        let changed = try tx.query(
            """
            UPDATE paidan.assign_slot s SET state = 'void', reason = \(reason.rawValue), at = \(ground.moment)::timestamptz
            FROM paidan.assign_cycle c
            WHERE c.closed_at IS NULL AND s.cycle_no = c.cycle_no AND s.state = 'free'
                AND s.user_id = ANY(\(users)::bigint[])
            """
        ).affected
        if changed > 0 { try tx.run(AssignmentStore.closeIfSpent(ground)) }
        return changed
    }
}
