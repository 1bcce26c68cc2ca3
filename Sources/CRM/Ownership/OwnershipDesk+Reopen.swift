internal import Postgres

extension OwnershipDesk {
    /// Opens a closed customer again: a new distribution by a manager, with new clocks.
    ///
    /// - Parameter user: who is to have it; `nil` is the seller of its last deal.
    public func reopen(_ id: Int, to user: Int? = nil, by caller: Caller) async throws -> Moved {
        let events = events
        return try await change(id, "customer.reopen", by: caller) { customer, tx in
            if let user, try !OwnershipStore.lockSeller(user, in: &tx) { return .invalid([.notASeller]) }
            guard customer.state == .closed else { return .refused(.state) }
            guard let receiver = try user ?? OwnershipStore.dealSeller(of: id, in: &tx) else {
                return .invalid([
                    CustomerProblem(
                        pointer: "/to", code: "required", message: "is missing, and no seller of a deal is on record")
                ])
            }
            if user == nil, try !OwnershipStore.lockSeller(receiver, in: &tx) {
                return .invalid([.notASeller])
            }
            // A page may have given it to somebody a moment ago, and not said yet that it is open.
            try OwnershipStore.end(id, .movedOut, in: &tx)
            let distribution = try OwnershipStore.give(id, to: receiver, .manual, in: &tx)
            try events.publish("transferred", [distribution], in: &tx)
            return .changed(details: Array("{\"user_id\":\(receiver),\"distribution_id\":\(distribution)}".utf8))
        }
    }
}
