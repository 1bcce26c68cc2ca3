/// May this person report a deal with this customer, and in whose name? Pure.
enum DealRules {
    enum Way: Sendable, Equatable {
        /// Its owner does, no later than on the last day.
        case onTime(seller: Int)
        /// After the last day, while nobody else has taken it: in the name of who lost it.
        case late(seller: Int)
    }

    /// - Parameters:
    ///   - seller: `crm_userinfo` of the caller.
    ///   - isLate: he asks for a deal after the last day, and may.
    static func judge(_ customer: HeldCustomer, by seller: Int?, isLate: Bool) -> Result<Way, MoveRefusal> {
        guard let refusal = customer.refusal(asOwner: seller) else {
            return seller.map { .success(.onTime(seller: $0)) } ?? .failure(.notOwner)
        }
        // Nobody else than its last owner had it to sign, and whoever has it now would lose it.
        guard isLate, customer.state == .public, !customer.isPromised, let past = customer.past, past.status.isExpiry
        else { return .failure(refusal) }
        return .success(.late(seller: past.user))
    }
}

extension MoveRefusal: Error {}

extension Caller {
    /// May report a deal after the last day.
    public var mayReportLate: Bool { codes.contains("customer.late") }
}

/// The caller's roles do not permit it, though they permit the path: 403.
public struct NotPermitted: Error, Sendable {}
