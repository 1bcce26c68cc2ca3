internal import Postgres

extension OwnershipDesk {
    /// A manager puts a customer that waits for its first seller into the pool. Nobody is told.
    public func toPool(_ id: Int, by caller: Caller) async throws -> Moved {
        try await change(id, "customer.to_pool", by: caller) { customer, tx in
            if let refusal = customer.refusalToPool { return .refused(refusal) }
            try OwnershipStore.free(customer.id, in: &tx)
            return .changed()
        }
    }
}
