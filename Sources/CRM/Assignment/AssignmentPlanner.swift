/// Gives customers to sellers slot by slot, without any store.
///
/// First the tokens of the list, slots that an undo gave back in their places among them, then, if the list ran out,
/// the other free slots of the open cycle by position; a next cycle is built only when no slot is free and somebody can
/// take this customer.
/// Costs grow with customers plus slots looked at.
public struct AssignmentPlanner {
    /// A customer's own view of one slot.
    private enum Step { case placed, more, nothingFree, onlyBarred }

    private let input: AssignmentInput
    private let more: (Int) throws -> [SlotToken]
    private var plan = AssignmentPlan()
    private var sellers: [Seller]
    private let places: [Int: Int]
    /// Sellers who can take somebody now.
    private var assignable: Int
    private var order: [Int] = []
    /// Slots not looked at yet.
    private var fresh: [SlotToken]
    private var next = 0
    private var seen: Set<SlotToken> = []
    private var exhausted: Bool
    private var passed = PassedSlots()
    private var deferred: [Int] = []

    /// - Parameter more: further free slots of the open cycle by position, at most so many; called until it gives none.
    public static func plan(_ input: AssignmentInput, more: (Int) throws -> [SlotToken]) rethrows -> AssignmentPlan {
        try withoutActuallyEscaping(more) { more in
            var planner = AssignmentPlanner(input, more: more)
            return try planner.run()
        }
    }

    private init(_ input: AssignmentInput, more: @escaping (Int) throws -> [SlotToken]) {
        self.input = input
        self.more = more
        sellers = input.sellers
        places = Dictionary(input.sellers.indices.map { (input.sellers[$0].user, $0) }, uniquingKeysWith: { $1 })
        assignable = input.sellers.count { $0.refusal == nil }
        exhausted = input.openCycle == nil
        fresh = []
        for slot in Self.merged(input) where slot.cycle == input.openCycle && seen.insert(slot).inserted {
            fresh.append(slot)
        }
        plan.assignments.reserveCapacity(input.customers.count)
    }

    /// Each slot that an undo gave back stands before the first token of a later position.
    private static func merged(_ input: AssignmentInput) -> [SlotToken] {
        if input.returned.isEmpty { return input.tokens }
        var slots: [SlotToken] = []
        var rest = input.returned[...]
        for token in input.tokens {
            while let first = rest.first, first.position < token.position { slots.append(rest.removeFirst()) }
            slots.append(token)
        }
        return slots + rest
    }

    private mutating func run() throws -> AssignmentPlan {
        try serve(Array(input.customers.indices))
        // Whoever was passed by may find a next cycle now: the slots that stood in the way have been taken.
        while plan.missing == 0, !deferred.isEmpty, try nothingIsFree() {
            let again = deferred
            deferred = []
            try serve(again)
        }
        for index in deferred { leave(index, .barred) }
        if plan.built.isEmpty {
            let popped = Set(input.tokens)
            plan.unused = (passed.slots + fresh[next...]).filter { popped.contains($0) }
        }
        plan.pending.sort { $0.index < $1.index }
        return plan
    }

    /// Deferred customers come first in a new cycle, being earlier in order than the one it is built for.
    private mutating func serve(_ indices: [Int]) throws {
        var waiting = Array(indices.reversed())
        while let index = waiting.popLast() {
            switch try place(index) {
            case .placed: break
            case .onlyBarred: deferred.append(index)
            case .more:
                plan.missing = waiting.count + 1
                return
            case .nothingFree:
                guard canBeServed(index) else {
                    leave(index, assignable == 0 ? .noCapacity : .barred)
                    continue
                }
                build()
                waiting.append(index)
                waiting.append(contentsOf: deferred.reversed())
                deferred = []
            }
        }
    }

    private mutating func place(_ index: Int) throws -> Step {
        let barred = input.customers[index].barred
        dropRefusedPassed()
        if let slot = passed.take(notOf: barred) {
            take(slot, index)
            return .placed
        }
        while let slot = try nextFresh() {
            next += 1
            if let reason = refusal(of: slot.user) {
                void(slot, reason)
            } else if barred.contains(slot.user) {
                passed.append(slot)
            } else {
                take(slot, index)
                return .placed
            }
        }
        if !exhausted { return .more }
        return passed.isEmpty ? .nothingFree : .onlyBarred
    }

    private mutating func nothingIsFree() throws -> Bool {
        dropRefusedPassed()
        return try passed.isEmpty && nextFresh() == nil
    }

    /// The next slot not looked at, without taking it.
    private mutating func nextFresh() throws -> SlotToken? {
        while next == fresh.count, !exhausted, input.listRanOut {
            let wanted = max(64, input.customers.count - plan.assignments.count)
            let found = try more(wanted)
            if found.isEmpty { exhausted = true }
            for slot in found where seen.insert(slot).inserted {
                fresh.append(slot)
                plan.refilled = true
            }
        }
        return next < fresh.count ? fresh[next] : nil
    }

    /// Somebody can take this customer now, and will have a slot in the next cycle.
    private func canBeServed(_ index: Int) -> Bool {
        let barred = Set(input.customers[index].barred)
        return assignable > barred.count { refusal(of: $0) == nil }
    }

    private mutating func build() {
        if plan.shares.isEmpty {
            plan.shares = CycleOrder.participants(
                sellers.filter(\.isEligible).map { CycleShare(user: $0.user, num: $0.num, weight: $0.weight) })
            order = CycleOrder.users(plan.shares, input.strategy)
        }
        let number = (plan.built.last?.number ?? input.lastCycle) + 1
        plan.built.append(
            .init(
                number: number, users: order, states: Array(repeating: .free, count: order.count), free: order.count))
        fresh = order.indices.map { SlotToken(cycle: number, position: $0 + 1, user: order[$0]) }
        next = 0
    }

    private mutating func take(_ slot: SlotToken, _ index: Int) {
        plan.assignments.append(.init(index: index, customer: input.customers[index].id, slot: slot))
        mark(slot, .used(index))
        guard let place = places[slot.user] else { return }
        sellers[place].takenToday += 1
        sellers[place].holding += 1
        if sellers[place].refusal != nil { assignable -= 1 }
    }

    private mutating func void(_ slot: SlotToken, _ reason: VoidReason) {
        if !mark(slot, .void(reason)) { plan.voids.append(.init(slot: slot, reason: reason)) }
    }

    /// - Returns: false for a slot of the cycle that was open before.
    @discardableResult private mutating func mark(_ slot: SlotToken, _ state: AssignmentPlan.SlotState) -> Bool {
        guard let last = plan.built.indices.last, plan.built[last].number == slot.cycle else { return false }
        plan.built[last].states[slot.position - 1] = state
        plan.built[last].free -= 1
        return true
    }

    private mutating func dropRefusedPassed() {
        if passed.isEmpty { return }
        for user in passed.users {
            guard let reason = refusal(of: user) else { continue }
            for slot in passed.removeAll(of: user) { void(slot, reason) }
        }
    }

    private func refusal(of user: Int) -> VoidReason? {
        // A seller without a share: his row was taken out of the list.
        guard let place = places[user] else { return .num }
        return sellers[place].refusal
    }

    private mutating func leave(_ index: Int, _ reason: PendingReason) {
        plan.pending.append(.init(index: index, customer: input.customers[index].id, reason: reason))
    }
}
