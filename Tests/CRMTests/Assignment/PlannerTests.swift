import CRM
import Testing

@Suite("Assignment planner") struct PlannerTests {
    @Test("a barred seller's slot is passed over for this customer and stays first for the next")
    func barred() {
        let world = PlannerWorld()
        world.set(SequenceVectors.base.shares, .laps)
        #expect(world.assign([[3], []]) == [2, 3])
        // Left are a b a a: the second finds only slots of a, which later ones take.
        #expect(world.assign([[1], [1], [], []]) == [2, nil, 1, 1])
        #expect(world.states(ofCycle: 1).count { $0 == "free" } == 1)
    }

    @Test("a passed slot goes back to the front of the list")
    func barredAlone() {
        let world = PlannerWorld()
        world.set(SequenceVectors.base.shares, .laps)
        #expect(world.assign([[3]]) == [2])
        #expect(world.assign(3) == [3, 1, 2])
    }

    @Test("a customer for whom only a later cycle has a slot waits until the slot before it is taken")
    func barredFromTheLastSlot() {
        let world = PlannerWorld()
        world.set(SequenceRow.shares("a:1,1 b:1,2"), .laps)
        #expect(world.assign([[], [1]]) == [2, nil])
        #expect(world.states(ofCycle: 2).isEmpty)
        // Within one job: the second takes the slot of a, then the first finds cycle 2.
        #expect(world.assign([[1], [], []]) == [2, 1, 1])
        #expect(world.states(ofCycle: 2) == ["used", "used"])
    }

    @Test("a customer whom no assignable seller may have stays pending and burns nothing")
    func barredByAll() {
        let world = PlannerWorld()
        world.set(SequenceVectors.base.shares, .laps)
        #expect(world.assign([[1, 2, 3]]) == [nil])
        #expect(world.states(ofCycle: 1).isEmpty)
        #expect(world.assign([[], [3, 2, 1], []]) == [3, nil, 2])
    }

    @Test("nobody assignable: no cycle is built, everybody stays pending for want of capacity")
    func noCapacity() {
        let sellers = [Seller(user: 1, num: 2, weight: 1, isOnLeave: true)]
        let plan = AssignmentPlanner.plan(
            AssignmentInput(
                strategy: .laps, openCycle: nil, lastCycle: 4, sellers: sellers,
                customers: [WaitingCustomer(id: 7), WaitingCustomer(id: 8)])
        ) { _ in [] }
        #expect(plan.built.isEmpty)
        #expect(plan.pending.map(\.reason) == [.noCapacity, .noCapacity])
    }

    @Test("caps count within one plan, over cycles")
    func capsWithinAPlan() {
        let sellers = [
            Seller(user: 1, num: 1, weight: 2, holdingCap: 3, holding: 1),
            Seller(user: 2, num: 1, weight: 1, dailyCap: 3, takenToday: 0),
        ]
        let plan = AssignmentPlanner.plan(
            AssignmentInput(
                strategy: .laps, openCycle: nil, lastCycle: 0, sellers: sellers,
                customers: (1...7).map { WaitingCustomer(id: $0) })
        ) { _ in [] }
        #expect(plan.assignments.map(\.slot.user) == [1, 2, 1, 2, 2])
        #expect(plan.pending.map(\.customer) == [6, 7])
        #expect(plan.built.map(\.isClosed) == [true, true, true])
        #expect(plan.built.last?.states.first == .void(.holdingCap))
    }

    @Test("slots that an undo gave back come before the list")
    func returnedFirst() {
        let slots = (1...4).map { SlotToken(cycle: 1, position: $0, user: 1) }
        let plan = AssignmentPlanner.plan(
            AssignmentInput(
                strategy: .laps, openCycle: 1, lastCycle: 1, sellers: [Seller(user: 1, num: 9, weight: 1)],
                returned: [slots[1]], tokens: [slots[2], slots[2], slots[3]], listRanOut: false,
                customers: [WaitingCustomer(id: 1), WaitingCustomer(id: 2)])
        ) { _ in [] }
        #expect(plan.assignments.map(\.slot) == [slots[1], slots[2]])
        #expect(plan.unused == [slots[3]])
    }

    @Test("with tokens left in the list the plan asks for more instead of taking slots out of turn")
    func asksForMore() {
        let slot = SlotToken(cycle: 1, position: 2, user: 1)
        let plan = AssignmentPlanner.plan(
            AssignmentInput(
                strategy: .laps, openCycle: 1, lastCycle: 1, sellers: [Seller(user: 1, num: 9, weight: 1)],
                tokens: [slot], listRanOut: false, customers: (1...3).map { WaitingCustomer(id: $0) })
        ) { _ in [SlotToken(cycle: 1, position: 1, user: 1)] }
        #expect(plan.missing == 2)
    }

    @Test("ten thousand customers over many cycles, each cycle exact")
    func large() {
        let shares = (1...50).map { Seller(user: $0, num: 5, weight: $0 % 7) }
        let plan = AssignmentPlanner.plan(
            AssignmentInput(
                strategy: .smooth, openCycle: nil, lastCycle: 0, sellers: shares,
                customers: (1...10_000).map { WaitingCustomer(id: $0, barred: $0 % 9 == 0 ? [$0 % 50 + 1] : []) })
        ) { _ in [] }
        #expect(plan.assignments.count == 10_000)
        #expect(plan.built.count == 40)
        #expect(plan.built.allSatisfy { $0.isClosed })
        let counts = plan.assignments.reduce(into: [:]) { $0[$1.slot.user, default: 0] += 1 }
        #expect(counts.values.allSatisfy { $0 == 200 })
    }

    @Test("a token is read only in its exact form", arguments: ["1:2", "a:1:2", "1:2:3:4", "", "1::3"])
    func tokenText(text: String) { #expect(SlotToken(text) == nil) }

    @Test("a token's text reads back") func tokenRoundTrip() {
        let token = SlotToken(cycle: 12, position: 3, user: 45)
        #expect(token.description == "12:3:45")
        #expect(SlotToken(token.description) == token)
    }
}
