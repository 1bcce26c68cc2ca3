internal import Postgres

extension OwnershipDesk {
    /// A manager gives a customer to a seller, whatever his caps, his leave and what he had before.
    public func transfer(_ id: Int, to user: Int, by caller: Caller) async throws -> Moved {
        let events = events
        return try await change(id, "customer.transfer", by: caller) { customer, tx in
            try OwnershipStore.lockPeople([user, customer.lapsed ?? customer.owner], in: &tx)
            guard try OwnershipStore.lockSeller(user, in: &tx) else { return .invalid([.notASeller]) }
            if let refusal = customer.refusal(toTransferTo: user) { return .refused(refusal) }
            try OwnershipStore.end(customer.id, .movedOut, in: &tx)
            let distribution = try OwnershipStore.give(customer.id, to: user, .manual, in: &tx)
            try events.publish("transferred", [distribution], in: &tx)
            return .changed(details: Array("{\"distribution_id\":\(distribution)}".utf8))
        }
    }
}

extension CustomerProblem {
    /// Who is to get the customer may have none.
    static let notASeller = CustomerProblem(
        pointer: "/to", code: "not_a_seller", message: "must be an active person of department 1001")
}
