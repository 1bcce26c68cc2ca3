internal import Postgres

extension OwnershipDesk {
    /// Reports that a customer signed: it is closed in the name of its owner, and enrolled.
    ///
    /// - Parameter isLate: also after the last day, in the name of who lost it, while nobody else has taken it.
    /// - Throws: ``NotPermitted`` for a late deal without the permission `customer.late`.
    public func deal(_ id: Int, isLate: Bool = false, by caller: Caller) async throws -> Moved {
        if isLate, !caller.mayReportLate { throw NotPermitted() }
        return try await change(id, "customer.deal", by: caller) { customer, tx in
            switch DealRules.judge(customer, by: caller.seller, isLate: isLate) {
            case .failure(let refusal): return .refused(refusal)
            case .success(.onTime(let seller)):
                try OwnershipStore.close(id, inTheNameOf: seller, in: &tx)
                return .changed(details: Array("{\"user_id\":\(seller)}".utf8))
            case .success(.late(let seller)):
                let distribution = try OwnershipStore.closeLate(id, inTheNameOf: seller, in: &tx)
                return .changed(
                    as: "customer.late_deal",
                    details: Array("{\"user_id\":\(seller),\"distribution_id\":\(distribution)}".utf8))
            }
        }
    }
}
