internal import Postgres

extension OwnershipDesk {
    /// Takes a customer out of the pool.
    ///
    /// - Throws: ``NoSeller`` if the caller is no active person of department 1001.
    public func grab(_ id: Int, by caller: Caller) async throws -> Moved {
        guard let seller = caller.seller else { throw NoSeller() }
        let rules = GrabRules(settings: settings)
        let events = events
        return try await change(id, "customer.grab", by: caller) { customer, tx in
            try OwnershipStore.lockPeople([seller, customer.lapsed], in: &tx)
            guard let grabber = try OwnershipStore.lockGrabber(seller, of: id, in: &tx) else { throw NoSeller() }
            if let refusal = rules.refusal(customer, grabber) { return .refused(refusal) }
            let distribution = try OwnershipStore.give(id, to: seller, .grab, in: &tx)
            try events.publish("grabbed", [distribution], in: &tx)
            return .changed(details: Array("{\"distribution_id\":\(distribution)}".utf8))
        }
    }
}

/// The caller is no active person of department 1001, who alone may have customers.
public struct NoSeller: Error, Sendable {}
