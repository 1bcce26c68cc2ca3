/// May this person record a payment of this customer, and in whose name? Pure.
enum PaymentRules {
    /// Who records it.
    struct Payer: Sendable, Equatable {
        /// `crm_userinfo` of the caller.
        var seller: Int?
        /// Sees every customer.
        var isManager = false
    }

    enum Ground: Sendable, Equatable {
        /// A private customer's payment, its owner's.
        case owned(by: Int)
        /// A closed customer's payment, of the seller of its deal.
        case enrolled(by: Int)
    }

    /// - Parameter dealSeller: who made the last deal of a closed customer.
    static func judge(_ customer: HeldCustomer, dealSeller: Int?, by payer: Payer) -> Result<Ground, MoveRefusal> {
        switch customer.state {
        case .private:
            guard let owner = customer.owner, payer.isManager || payer.seller == owner else {
                return .failure(.notOwner)
            }
            return .success(.owned(by: owner))
        case .closed:
            guard payer.isManager || (payer.seller != nil && payer.seller == dealSeller) else {
                return .failure(.notOwner)
            }
            // Closed by a sheet that named nobody: the manager's own, if he can be named in the record.
            guard let seller = dealSeller ?? payer.seller else { return .failure(.state) }
            return .success(.enrolled(by: seller))
        case .pending, .public:
            if customer.refusal(asOwner: payer.seller) == .expired { return .failure(.expired) }
            return .failure(payer.isManager ? .state : .notOwner)
        }
    }
}
