/// What sellers and managers may do with a customer. Pure.
extension HeldCustomer {
    /// What a note does that somebody writes about it.
    enum NoteEffect: Sendable, Equatable {
        /// It is the owner's follow-up.
        case movesClock
        /// It is a manager's: stored, and no follow-up.
        case isKept
        case isRefused(MoveRefusal)
    }

    func note(by seller: Int?, isManager: Bool) -> NoteEffect {
        guard let refusal = refusal(asOwner: seller) else { return .movesClock }
        return isManager ? .isKept : .isRefused(refusal)
    }

    /// Why a manager may not give it to this seller; `nil` when he may. Neither a bar nor a cap stops him.
    func refusal(toTransferTo seller: Int) -> MoveRefusal? {
        switch state {
        case .closed: .closed
        case .private where owner == seller: .state
        case .pending, .private, .public: nil
        }
    }

    /// Why a manager may not put it into the pool; `nil` when he may.
    var refusalToPool: MoveRefusal? { state == .pending && !isPromised ? nil : .state }

    /// Who had it when the request came and has it no more; `nil` if nobody lost it.
    func loser(after moved: Moved) -> Int? {
        if let lapsed { return lapsed }
        guard case .done(let view) = moved, let owner else { return nil }
        return view.isPrivate(of: owner) ? nil : owner
    }
}

extension CustomerView {
    func isPrivate(of seller: Int) -> Bool { poolState == "private" && consultantID == "\(seller)" }
}
