/// Why a customer is not moved: the `code` of a 409.
public enum MoveRefusal: String, Sendable, Equatable, CaseIterable {
    /// It waits for its first seller.
    case pending
    /// It is enrolled.
    case closed
    /// Somebody has it.
    case taken
    /// The caller let it go and may not have it again.
    case formerOwner = "former_owner"
    /// A bound of the caller (holding, day, picks) or of the pool (days before anybody may grab) is reached.
    case limit
    /// The caller had it, and its last day is over.
    case expired
    /// The caller does not have it.
    case notOwner = "not_owner"
    /// It is not in a state in which this can be done.
    case state
}

/// What became of a change of one customer.
public enum Moved: Sendable, Equatable {
    /// As it is now.
    case done(CustomerView)
    /// A note was stored; whether it was the owner's, who has three more days by it.
    case noted(CustomerView, clockMoved: Bool)
    /// 409; nothing changed but what had expired.
    case refused(MoveRefusal)
    /// 422.
    case invalid([CustomerProblem])
    /// There is no such customer.
    case missing
}
