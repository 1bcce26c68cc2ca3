import CRM

/// The planner over slots kept in memory, with the plainest list there is.
final class PlannerWorld: SequenceWorld {
    private var strategy = AssignmentStrategy.laps
    private var sellers: [Seller] = []
    private var slots: [SlotToken] = []
    private var states: [SlotToken: String] = [:]
    private var list: [SlotToken] = []
    private var lastCycle = 0
    private var customer = 0

    func set(_ shares: [CycleShare], _ strategy: AssignmentStrategy) {
        self.strategy = strategy
        for share in shares {
            if let index = sellers.firstIndex(where: { $0.user == share.user }) {
                sellers[index].num = share.num
                sellers[index].weight = share.weight
            } else {
                sellers.append(Seller(user: share.user, num: share.num, weight: share.weight))
            }
        }
    }

    func setDailyCap(_ user: Int, _ cap: Int) {
        for index in sellers.indices where sellers[index].user == user { sellers[index].dailyCap = cap }
    }

    func deactivate(_ user: Int) {
        for index in sellers.indices where sellers[index].user == user { sellers[index].isActive = false }
    }

    func enterDuplicate() {}
    func dieHoldingASlot() { list.removeFirst() }

    func states(ofCycle cycle: Int) -> [String] { slots.filter { $0.cycle == cycle }.compactMap { states[$0] } }

    func assign(_ count: Int) -> [Int?] { (0..<count).flatMap { _ in assign([[]]) } }

    /// One job for several customers, given by who is barred for each.
    func assign(_ barred: [[Int]]) -> [Int?] {
        let customers = barred.map { barred in
            customer += 1
            return WaitingCustomer(id: customer, barred: barred)
        }
        var popped = 0
        while true {
            popped = min(list.count, max(popped * 2, customers.count))
            let free = slots.filter { states[$0] == "free" }
            var given = 0
            let plan = AssignmentPlanner.plan(
                AssignmentInput(
                    strategy: strategy, openCycle: free.first?.cycle, lastCycle: lastCycle, sellers: sellers,
                    tokens: Array(list.prefix(popped)), listRanOut: popped == list.count, customers: customers)
            ) { wanted in
                defer { given += wanted }
                return Array(free.dropFirst(given).prefix(wanted))
            }
            if plan.missing > 0 { continue }
            list.removeFirst(popped)
            apply(plan)
            var users: [Int?] = Array(repeating: nil, count: customers.count)
            for assignment in plan.assignments { users[assignment.index] = assignment.slot.user }
            return users
        }
    }

    private func apply(_ plan: AssignmentPlan) {
        for void in plan.voids { states[void.slot] = void.reason.rawValue }
        for cycle in plan.built {
            lastCycle = cycle.number
            slots += cycle.whole
            for (slot, state) in zip(cycle.whole, cycle.states) {
                switch state {
                case .free, .used: states[slot] = "free"
                case .void(let reason): states[slot] = reason.rawValue
                }
            }
        }
        for assignment in plan.assignments {
            states[assignment.slot] = "used"
            for index in sellers.indices where sellers[index].user == assignment.slot.user {
                sellers[index].takenToday += 1
                sellers[index].holding += 1
            }
        }
        list = plan.built.last?.open ?? (plan.refilled ? slots.filter { states[$0] == "free" } : plan.unused + list)
    }
}
