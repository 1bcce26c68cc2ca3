import Testing

@testable import CRM

@Suite("Rules of deals and payments") struct DealRulesTests {
    private func held(
        _ state: HeldCustomer.State, owner: Int? = nil, past: (Int, DistributionStatus)? = nil
    ) -> HeldCustomer {
        HeldCustomer(
            id: 7, state: state, owner: owner, past: past.map { .init(user: $0.0, status: $0.1) }, poolDays: nil)
    }

    private func deal(_ customer: HeldCustomer, _ seller: Int?, late: Bool) -> String {
        switch DealRules.judge(customer, by: seller, isLate: late) {
        case .success(.onTime(let seller)): "on time \(seller)"
        case .success(.late(let seller)): "late \(seller)"
        case .failure(let refusal): refusal.rawValue
        }
    }

    @Test("on time: the owner only; his last customer is expired or closed to him, to others it is not theirs")
    func onTime() {
        let mine = held(.private, owner: 1, past: (2, .notFollowed))
        #expect(deal(mine, 1, late: false) == "on time 1")
        #expect(deal(mine, 2, late: false) == "not_owner")
        #expect(deal(mine, nil, late: false) == "not_owner")
        for status in [DistributionStatus.notFollowed, .notSigned] {
            #expect(deal(held(.public, past: (1, status)), 1, late: false) == "expired")
            #expect(deal(held(.public, past: (1, status)), 2, late: false) == "not_owner")
            #expect(deal(held(.public, past: (1, status)), nil, late: false) == "not_owner")
        }
        #expect(deal(held(.public, past: (1, .released)), 1, late: false) == "not_owner")
        #expect(deal(held(.closed, past: (1, .deal)), 1, late: false) == "closed")
        #expect(deal(held(.closed, past: (1, .deal)), 2, late: false) == "not_owner")
        #expect(deal(held(.pending), 1, late: false) == "not_owner")
        #expect(deal(held(.pending, past: (1, .left)), 1, late: false) == "not_owner")
    }

    @Test("late: only what expired and nobody has taken since, in the name of who lost it")
    func late() {
        for caller in [1, 2, nil] {
            #expect(deal(held(.public, past: (1, .notFollowed)), caller, late: true) == "late 1")
            #expect(deal(held(.public, past: (1, .notSigned)), caller, late: true) == "late 1")
            for status in [DistributionStatus.released, .movedOut, .left, .deal, .undone] {
                #expect(deal(held(.public, past: (1, status)), caller, late: true) == "not_owner")
            }
            let isHis = caller == 1
            #expect(deal(held(.public), caller, late: true) == "not_owner")
            #expect(deal(held(.pending, past: (1, .notFollowed)), caller, late: true) == "not_owner")
            #expect(deal(held(.pending), caller, late: true) == "not_owner")
            #expect(deal(held(.closed, past: (1, .deal)), caller, late: true) == (isHis ? "closed" : "not_owner"))
            #expect(deal(held(.private, owner: 3, past: (1, .notFollowed)), caller, late: true) == "not_owner")
            var promised = held(.public, past: (1, .notFollowed))
            promised.isPromised = true
            #expect(deal(promised, caller, late: true) == (isHis ? "expired" : "not_owner"))
        }
        #expect(deal(held(.private, owner: 1), 1, late: true) == "on time 1")
    }

    private func pay(
        _ customer: HeldCustomer, _ seller: Int?, manager: Bool = false, deal: Int? = nil
    ) -> String {
        switch PaymentRules.judge(customer, dealSeller: deal, by: .init(seller: seller, isManager: manager)) {
        case .success(.owned(let seller)): "owned \(seller)"
        case .success(.enrolled(let seller)): "enrolled \(seller)"
        case .failure(let refusal): refusal.rawValue
        }
    }

    @Test("payments: the owner's or a manager's, in the owner's name")
    func payments() {
        let mine = held(.private, owner: 1)
        #expect(pay(mine, 1) == "owned 1")
        #expect(pay(mine, 2) == "not_owner")
        #expect(pay(mine, nil) == "not_owner")
        #expect(pay(mine, nil, manager: true) == "owned 1")
        #expect(pay(mine, 2, manager: true) == "owned 1")
        let closed = held(.closed, past: (1, .deal))
        #expect(pay(closed, 1, deal: 1) == "enrolled 1")
        #expect(pay(closed, 2, deal: 1) == "not_owner")
        #expect(pay(closed, nil, deal: nil) == "not_owner")
        #expect(pay(closed, nil, manager: true, deal: 1) == "enrolled 1")
        #expect(pay(closed, 4, manager: true, deal: nil) == "enrolled 4")
        #expect(pay(closed, nil, manager: true, deal: nil) == "state")
        let lost = held(.public, past: (1, .notSigned))
        #expect(pay(lost, 1) == "expired")
        #expect(pay(lost, 1, manager: true) == "expired")
        #expect(pay(lost, 2) == "not_owner")
        #expect(pay(lost, 2, manager: true) == "state")
        #expect(pay(held(.pending), 2) == "not_owner")
        #expect(pay(held(.pending), nil, manager: true) == "state")
        #expect(pay(held(.public, past: (1, .released)), 1) == "not_owner")
    }

    @Test("a payment's own fields")
    func fields() {
        func wrong(_ change: (inout PaymentInput) -> Void) -> [String] {
            var payment = PaymentInput(payType: 1)
            change(&payment)
            return payment.problems.map { "\($0.pointer) \($0.code)" }
        }
        for type in 1...5 { #expect(wrong { $0.payType = type } == []) }
        for type in [0, 6, -1, Int.max, Int.min] { #expect(wrong { $0.payType = type } == ["/pay_type range"]) }
        #expect(wrong { $0.paidFee = Int(Int32.max) } == [])
        for fee in [-1, Int(Int32.max) + 1, Int.min] { #expect(wrong { $0.paidFee = fee } == ["/paid_fee range"]) }
        #expect(wrong { ($0.turnover, $0.quote) = (Int(Int32.max), 0) } == [])
        #expect(
            wrong { ($0.turnover, $0.quote) = (Int(Int32.max) + 1, Int(Int32.min) - 1) }
                == ["/turnover range", "/quote range"])
        #expect(wrong { $0.note = String(repeating: "好", count: 10_000) } == [])
        #expect(wrong { $0.note = String(repeating: "好", count: 10_001) } == ["/note range"])
        #expect(wrong { $0.note = "a\u{0}b" } == ["/note type"])
        #expect(wrong { $0.note = "第一行\n第二行" } == [])
        #expect(PayType.allCases.filter(\.meansDeal) == [.deposit, .tuition])
        #expect(PayType.allCases.filter(\.joins) == [.deposit, .tuition, .otherClass])
    }

    @Test("a day until which a customer is protected")
    func protection() throws {
        let today = try #require(Day("2024-02-29"))
        func problem(_ until: String) -> String? { ProtectRules.problem(until, today: today)?.code }
        for day in ["2024-02-29", "2024-03-01", "9999-12-30"] { #expect(problem(day) == nil) }
        #expect(problem("2024-02-28") == "range")
        #expect(problem("0001-01-01") == "range")
        // The day after it would have five digits of a year.
        #expect(problem("9999-12-31") == "range")
        for word in [
            "", "2025-02-29", "2024-3-1", "2024-03-01T00:00:00Z", "+024-03-01", "today", "infinity", "２０２４-03-01",
        ] {
            #expect(problem(word) == "type", "\(word)")
        }
    }

    @Test("whose profile may be edited")
    func editing() {
        func rule(
            _ customer: HeldCustomer, _ consultant: Int?, _ seller: Int?, manager: Bool = false
        ) -> EditRules.Ruling {
            EditRules.judge(customer, consultant: consultant, seller: seller, isManager: manager)
        }
        for state in [HeldCustomer.State.pending, .private, .public, .closed] {
            #expect(rule(held(state), nil, nil, manager: true) == .allowed)
        }
        #expect(rule(held(.private, owner: 1), 1, 1) == .allowed)
        #expect(rule(held(.private, owner: 1), 1, 2) == .unseen)
        #expect(rule(held(.closed), 1, 1) == .allowed)
        #expect(rule(held(.closed), 1, 2) == .unseen)
        #expect(rule(held(.closed), nil, nil) == .unseen)
        #expect(rule(held(.pending), nil, 1) == .unseen)
        #expect(rule(held(.public, past: (1, .notFollowed)), nil, 1) == .refused(.expired))
        #expect(rule(held(.public, past: (1, .notFollowed)), nil, 2) == .refused(.notOwner))
        #expect(rule(held(.public), nil, nil) == .refused(.notOwner))
    }
}
