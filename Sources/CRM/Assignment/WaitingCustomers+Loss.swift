internal import Postgres

extension WaitingCustomers {
    /// Enqueues `customer.assign` for customers that wait, if somebody who was full has room now that this transaction
    /// took a customer from him. Costs one look if he has no cap of customers in hand.
    static func enqueue(afterLossOf user: Int, in tx: inout Transaction) throws {
        let capped = try tx.query(
            """
            SELECT FROM paidan.rank_limit l JOIN crm_salerank r ON r.user_id = l.user_id AND r.num > 0
            WHERE l.user_id = \(user)::bigint AND l.holding_cap IS NOT NULL
            """)
        if capped.isEmpty { return }
        // An assignment waits for this lock: either it sees the room, or here is seen whom it left without a seller.
        try OwnershipStore.lockPeople([user], in: &tx)
        if try waiting(limit: 1, in: &tx).isEmpty { return }
        guard let seller = try AssignmentStore.sellers(in: &tx).first(where: { $0.user == user }),
            seller.refusal == nil, seller.holding + 1 == seller.holdingCap
        else { return }
        try enqueue(limit: batch, in: &tx)
    }
}
