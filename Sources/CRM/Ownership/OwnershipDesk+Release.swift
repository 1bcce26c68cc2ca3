internal import Postgres

extension OwnershipDesk {
    /// Most characters of a reason: those of the distribution's memo.
    static let reasonLimit = 255

    /// The owner gives a customer back: it is in the pool from today, and he may not have it again.
    public func release(_ id: Int, reason: String, by caller: Caller) async throws -> Moved {
        let text = SpokenText(text: reason, pointer: "/reason", limit: Self.reasonLimit)
        return try await change(id, "customer.release", by: caller) { customer, tx in
            if let problem = try text.problem(in: &tx) { return .invalid([problem]) }
            if let refusal = customer.refusal(asOwner: caller.seller) { return .refused(refusal) }
            try OwnershipStore.end(customer.id, .released, memo: reason, in: &tx)
            try OwnershipStore.free(customer.id, in: &tx)
            return .changed()
        }
    }
}
