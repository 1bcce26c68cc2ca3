import Testing

@testable import CRM

@Suite("May he grab it?")
struct GrabRulesTests {
    private static func held(_ state: HeldCustomer.State, days: Int? = nil) -> HeldCustomer {
        HeldCustomer(id: 7, state: state, owner: state == .private ? 2 : nil, past: nil, poolDays: days)
    }

    /// Everything that can forbid a grab does.
    private static let hindered = GrabRules.Grabber(
        user: 1, isBarred: true, holding: 9, holdingCap: 1, takenToday: 9, dailyCap: 1, picksToday: 9)

    @Test(arguments: [
        (HeldCustomer.State.pending, MoveRefusal.pending), (.closed, .closed), (.private, .taken),
        (.public, .formerOwner),
    ])
    func theFirstReasonIsSaid(_ state: HeldCustomer.State, _ refusal: MoveRefusal) {
        let rules = GrabRules(settings: PoolSettings(picksPerDay: 1, coolOffDays: 30))
        #expect(rules.refusal(Self.held(state, days: 0), Self.hindered) == refusal)
    }

    @Test("each bound by itself: reached is refused, one below is not")
    func bounds() {
        let free = GrabRules(settings: PoolSettings())
        let customer = Self.held(.public, days: 2)
        #expect(free.refusal(customer, .init(user: 1)) == nil)
        #expect(free.refusal(customer, .init(user: 1, holding: 100, takenToday: 100, picksToday: 100)) == nil)
        #expect(free.refusal(customer, .init(user: 1, holding: 4, holdingCap: 5)) == nil)
        #expect(free.refusal(customer, .init(user: 1, holding: 5, holdingCap: 5)) == .limit)
        #expect(free.refusal(customer, .init(user: 1, holding: 0, holdingCap: 0)) == .limit)
        #expect(free.refusal(customer, .init(user: 1, takenToday: 4, dailyCap: 5)) == nil)
        #expect(free.refusal(customer, .init(user: 1, takenToday: 5, dailyCap: 5)) == .limit)
        let picks = GrabRules(settings: PoolSettings(picksPerDay: 2))
        #expect(picks.refusal(customer, .init(user: 1, takenToday: 9, picksToday: 1)) == nil)
        #expect(picks.refusal(customer, .init(user: 1, picksToday: 2)) == .limit)
        let cooling = GrabRules(settings: PoolSettings(coolOffDays: 3))
        #expect(cooling.refusal(customer, .init(user: 1)) == .limit)
        #expect(cooling.refusal(Self.held(.public, days: 3), .init(user: 1)) == nil)
        #expect(cooling.refusal(customer, .init(user: 1, isBarred: true)) == .formerOwner)
    }
}
