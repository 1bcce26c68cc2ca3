/// Slots passed by because their seller was barred for the customer at hand; they stay first for the next.
struct PassedSlots {
    private struct Line {
        let user: Int
        var slots: ArraySlice<(turn: Int, slot: SlotToken)>
    }

    /// One line a seller: a customer looks at as many fronts as there are sellers, not at every slot.
    private var lines: [Line] = []
    private var turn = 0

    var isEmpty: Bool { lines.isEmpty }
    var users: [Int] { lines.map(\.user) }
    /// In the order in which they were passed by.
    var slots: [SlotToken] { lines.flatMap(\.slots).sorted { $0.turn < $1.turn }.map(\.slot) }

    mutating func append(_ slot: SlotToken) {
        turn += 1
        if let index = lines.firstIndex(where: { $0.user == slot.user }) {
            lines[index].slots.append((turn, slot))
        } else {
            lines.append(Line(user: slot.user, slots: [(turn, slot)]))
        }
    }

    /// Takes the earliest slot of a seller who is not among `barred`.
    mutating func take(notOf barred: [Int]) -> SlotToken? {
        var best: (index: Int, turn: Int)?
        for (index, line) in lines.enumerated() where !barred.contains(line.user) {
            guard let front = line.slots.first, front.turn < best?.turn ?? Int.max else { continue }
            best = (index, front.turn)
        }
        guard let best else { return nil }
        let slot = lines[best.index].slots.removeFirst().slot
        if lines[best.index].slots.isEmpty { lines.remove(at: best.index) }
        return slot
    }

    /// Takes all slots of one seller.
    mutating func removeAll(of user: Int) -> [SlotToken] {
        guard let index = lines.firstIndex(where: { $0.user == user }) else { return [] }
        return lines.remove(at: index).slots.map(\.slot)
    }
}
