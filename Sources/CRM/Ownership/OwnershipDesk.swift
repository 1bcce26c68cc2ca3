public import Postgres

/// What people do with a customer: each call is one transaction over its locked row, judged as of today.
public struct OwnershipDesk: Sendable {
    let pool: PostgresPool
    let settings: PoolSettings
    let events: OwnerEvents

    public init(pool: PostgresPool, settings: PoolSettings, publisher: any EventPublisher) {
        self.pool = pool
        self.settings = settings
        events = OwnerEvents(publisher: publisher)
    }

    /// How a change of a locked customer ends.
    enum Verdict: Sendable {
        /// - Parameters:
        ///   - action: for the audit log, if another word than the caller's tells better what happened.
        ///   - details: a JSON object for the audit log.
        case changed(as: String? = nil, details: [UInt8] = Array("{}".utf8))
        case refused(MoveRefusal)
        case invalid([CustomerProblem])
    }

    public func exists(_ id: Int) async throws -> Bool {
        try await !pool.query("SELECT FROM crm_customer WHERE id = \(id)::bigint").isEmpty
    }

    /// Locks the customer, lets today's expiry happen, judges and changes.
    ///
    /// A refusal commits too: what had expired stays expired.
    /// - Parameter action: for the audit log, `customer.grab`.
    func change(
        _ id: Int, _ action: String, by caller: Caller,
        _ body: @escaping @Sendable (HeldCustomer, inout Transaction) throws -> Verdict
    ) async throws -> Moved {
        try await pool.transaction { tx in
            Author.set(caller.actor, in: &tx)
            guard let customer = try OwnershipStore.lock(id, in: &tx) else { return .missing }
            let before = try AuditLog.snapshot(customer: id, in: &tx)
            let moved: Moved
            switch try body(customer, &tx) {
            case .refused(let refusal): moved = .refused(refusal)
            case .invalid(let problems): moved = .invalid(problems)
            case .changed(let other, let details):
                try AuditLog.record(other ?? action, customer: id, before: before, details: details, in: &tx)
                moved = .done(try CustomerStore.view(id, in: &tx))
            }
            if let loser = customer.loser(after: moved) { try WaitingCustomers.enqueue(afterLossOf: loser, in: &tx) }
            return moved
        }
    }
}
