import Testing

@testable import CRM

/// Seller 1 asks.
@Suite("Who may do what with a customer")
struct HeldCustomerTests {
    private static func held(
        _ state: HeldCustomer.State, of owner: Int? = nil, after past: (Int, DistributionStatus)? = nil,
        lapsed: Int? = nil
    ) -> HeldCustomer {
        HeldCustomer(
            id: 7, state: state, owner: owner, past: past.map { .init(user: $0.0, status: $0.1) },
            poolDays: state == .public ? 0 : nil, lapsed: lapsed)
    }

    private struct Case: Sendable, CustomTestStringConvertible {
        let customer: HeldCustomer
        let asOwner: MoveRefusal?
        let transfer: MoveRefusal?
        let toPool: MoveRefusal?

        init(
            _ customer: HeldCustomer, asOwner: MoveRefusal?, transfer: MoveRefusal? = nil, toPool: MoveRefusal? = .state
        ) {
            self.customer = customer
            self.asOwner = asOwner
            self.transfer = transfer
            self.toPool = toPool
        }

        var testDescription: String {
            let past = customer.past.map { " after \($0.status) of \($0.user)" } ?? ""
            return "\(customer.state) of \(customer.owner.map { "\($0)" } ?? "nobody")\(past)"
        }
    }

    private static let cases = [
        Case(held(.private, of: 1), asOwner: nil, transfer: .state),
        Case(held(.private, of: 1, after: (2, .notFollowed)), asOwner: nil, transfer: .state),
        Case(held(.private, of: 2), asOwner: .notOwner),
        // Somebody else has taken it since.
        Case(held(.private, of: 2, after: (1, .notFollowed)), asOwner: .notOwner),
        Case(held(.private, of: 2, after: (1, .movedOut)), asOwner: .notOwner),
        Case(held(.public), asOwner: .notOwner),
        Case(held(.public, after: (1, .notFollowed)), asOwner: .expired),
        Case(held(.public, after: (1, .notSigned)), asOwner: .expired),
        Case(held(.public, after: (1, .released)), asOwner: .notOwner),
        Case(held(.public, after: (1, .movedOut)), asOwner: .notOwner),
        Case(held(.public, after: (2, .notFollowed)), asOwner: .notOwner),
        Case(held(.pending), asOwner: .notOwner, toPool: nil),
        Case(held(.pending, after: (1, .left)), asOwner: .notOwner, toPool: nil),
        Case(held(.closed), asOwner: .notOwner, transfer: .closed),
        Case(held(.closed, after: (1, .deal)), asOwner: .closed, transfer: .closed),
        Case(held(.closed, after: (2, .deal)), asOwner: .notOwner, transfer: .closed),
    ]

    @Test(arguments: cases)
    private func judged(_ test: Case) {
        #expect(test.customer.refusal(asOwner: 1) == test.asOwner)
        #expect(test.customer.refusal(asOwner: nil) == .notOwner)
        #expect(test.customer.refusal(toTransferTo: 1) == test.transfer)
        #expect(test.customer.refusalToPool == test.toPool)
        let note = test.asOwner.map { HeldCustomer.NoteEffect.isRefused($0) } ?? .movesClock
        #expect(test.customer.note(by: 1, isManager: false) == note)
        #expect(test.customer.note(by: 1, isManager: true) == (test.asOwner == nil ? .movesClock : .isKept))
        #expect(test.customer.note(by: nil, isManager: true) == .isKept)
    }

    @Test("a text needs a length that its column has, counted in code points, and no zero byte")
    func texts() {
        func problem(_ text: String) -> String? { SpokenText(text: text, pointer: "/note", limit: 4).problem?.code }
        #expect(problem("聊过了。") == nil)
        #expect(problem("🙂🙂🙂🙂") == nil)
        #expect(problem("聊过了。。") == "range")
        // One character to the eye, seven code points.
        #expect(problem("👨‍👩‍👧‍👦") == "range")
        #expect(problem("a\0b") == "type")
    }
}
