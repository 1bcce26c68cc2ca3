/// Which version of a customer a change is meant for: `If-Match`.
public enum VersionMatch: Sendable, Equatable {
    /// `*`: whichever it is.
    case any
    case versions(Set<Int>)

    func allows(_ version: Int) -> Bool {
        switch self {
        case .any: true
        case .versions(let versions): versions.contains(version)
        }
    }
}

/// May this person change a customer's profile? Pure.
enum EditRules {
    enum Ruling: Sendable, Equatable {
        case allowed
        case refused(MoveRefusal)
        /// It is none of the caller's rows: as if it did not exist.
        case unseen
    }

    /// - Parameter consultant: of the customer's row: its owner, or who has a closed one's name.
    static func judge(_ customer: HeldCustomer, consultant: Int?, seller: Int?, isManager: Bool) -> Ruling {
        if isManager { return .allowed }
        switch customer.state {
        case .private, .closed: return seller != nil && consultant == seller ? .allowed : .unseen
        case .pending: return .unseen
        case .public: return .refused(customer.refusal(asOwner: seller) ?? .notOwner)
        }
    }
}
