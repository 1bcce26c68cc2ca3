import CRM

/// The assignment as its rule is told: one customer at a time, one loop, plain arrays.
struct AssignmentModel {
    struct Slot: Equatable {
        let cycle: Int
        let position: Int
        let user: Int
        /// `free`, `used` or the reason of a void.
        var state = "free"
        var customer: Int?
    }

    var sellers: [Int: Seller] = [:]
    var strategy = AssignmentStrategy.laps
    var slots: [Slot] = []
    var lastCycle: Int

    init(lastCycle: Int) { self.lastCycle = lastCycle }

    private var openCycle: Int? { slots.first { $0.state == "free" }?.cycle }

    mutating func assign(_ customer: Int, barred: [Int] = []) -> Int? {
        while true {
            for index in slots.indices where slots[index].state == "free" {
                let user = slots[index].user
                if let reason = sellers[user]?.refusal {
                    slots[index].state = reason.rawValue
                } else if !barred.contains(user) {
                    slots[index].state = "used"
                    slots[index].customer = customer
                    sellers[user]?.takenToday += 1
                    sellers[user]?.holding += 1
                    return user
                }
            }
            if openCycle != nil { return nil }
            guard sellers.values.contains(where: { $0.refusal == nil && !barred.contains($0.user) }) else { return nil }
            build()
        }
    }

    private mutating func build() {
        lastCycle += 1
        let shares = sellers.values.filter(\.isEligible).map {
            CycleShare(user: $0.user, num: $0.num, weight: $0.weight)
        }
        for (index, user) in CycleOrder.users(shares, strategy).enumerated() {
            slots.append(Slot(cycle: lastCycle, position: index + 1, user: user))
        }
    }

    mutating func voidFree(of users: [Int], _ reason: VoidReason) {
        for index in slots.indices where slots[index].state == "free" && users.contains(slots[index].user) {
            slots[index].state = reason.rawValue
        }
    }

    /// An import's undo takes the customer out again.
    mutating func undo(_ customer: Int) {
        guard let index = slots.firstIndex(where: { $0.customer == customer && $0.state == "used" }) else { return }
        let isOpen = slots[index].cycle == openCycle
        sellers[slots[index].user]?.takenToday -= 1
        sellers[slots[index].user]?.holding -= 1
        slots[index].state = isOpen ? "free" : VoidReason.undone.rawValue
        slots[index].customer = nil
    }
}
