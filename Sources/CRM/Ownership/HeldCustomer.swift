/// A customer whose row this transaction has locked, as of today: what was overdue has been lost already.
struct HeldCustomer: Sendable, Equatable {
    /// `crm_customer.pool_state`.
    enum State: String, Sendable {
        case pending
        case `private`
        case `public`
        case closed
    }

    /// Its newest distribution that has ended.
    struct Past: Sendable, Equatable {
        let user: Int
        let status: DistributionStatus
    }

    let id: Int
    let state: State
    /// Who has it; `nil` unless private.
    let owner: Int?
    let past: Past?
    /// Days since it fell into the pool, 0 on that day; `nil` unless public.
    let poolDays: Int?
    /// A page of the CRM is giving it to somebody: it has an open distribution, and no owner yet.
    var isPromised = false
    /// Who lost it in this very transaction, because his last day was over; `nil` if nobody did.
    var lapsed: Int? = nil

    /// Why a seller may not act as its owner; `nil` when he has it.
    func refusal(asOwner seller: Int?) -> MoveRefusal? {
        guard let seller else { return .notOwner }
        if state == .private, owner == seller { return nil }
        guard let past, past.user == seller else { return .notOwner }
        if state == .closed { return .closed }
        return state == .public && past.status.isExpiry ? .expired : .notOwner
    }
}
