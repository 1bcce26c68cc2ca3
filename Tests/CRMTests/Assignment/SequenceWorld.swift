import CRM
import Testing

/// Where the expected sequences are played: the planner alone, or the whole transaction on PostgreSQL.
protocol SequenceWorld {
    /// The whole list of shares, as `PUT /v1/ranks` sets it; new users are active sellers.
    func set(_ shares: [CycleShare], _ strategy: AssignmentStrategy) async throws
    func setDailyCap(_ user: Int, _ cap: Int) async throws
    func deactivate(_ user: Int) async throws
    /// Enters customers one after the other and assigns them one job at a time.
    /// - Returns: the seller of each, `nil` for one that stays pending.
    func assign(_ count: Int) async throws -> [Int?]
    /// Enters a customer whose QQ is there already.
    func enterDuplicate() async throws
    /// A worker takes the next slot from the list and is killed.
    func dieHoldingASlot() async throws
    /// Slot states of a cycle by position: `used`, `free` or the reason of a void.
    func states(ofCycle cycle: Int) async throws -> [String]
}

/// What each row of the tables asks, whatever the world.
enum SequenceCheck {
    static func order(_ row: SequenceRow, _ strategy: AssignmentStrategy, in world: some SequenceWorld) async throws {
        let expected = row.expected(strategy)
        try await world.set(row.shares, strategy)
        if expected.isEmpty {
            #expect(try await world.assign(2) == [nil, nil])
            #expect(try await world.states(ofCycle: 1) == [])
            return
        }
        // A whole cycle and the head of the next.
        let head = min(3, expected.count)
        #expect(try await world.assign(expected.count + head) == expected + expected.prefix(head))
        #expect(try await world.states(ofCycle: 1) == Array(repeating: "used", count: expected.count))
    }

    static func fourteenCustomers(in world: some SequenceWorld) async throws {
        try await world.set(SequenceVectors.base.shares, .laps)
        let users = try await world.assign(14)
        #expect(users == SequenceRow.users("c b a b a a | c b a b a a | c b"))
        #expect((1...3).map { user in users.count { $0 == user } } == [6, 5, 3])
    }

    static func ranksChangedAfterTwo(in world: some SequenceWorld) async throws {
        try await world.set(SequenceVectors.base.shares, .laps)
        #expect(try await world.assign(2) == SequenceRow.users("c b"))
        try await world.set(SequenceRow.shares("a:1,1 b:2,2 c:1,0"), .laps)
        #expect(try await world.assign(8) == SequenceRow.users("a b a a | b a c b"))
    }

    static func sellerLeavesAfterTwo(in world: some SequenceWorld) async throws {
        try await world.set(SequenceVectors.base.shares, .laps)
        #expect(try await world.assign(2) == SequenceRow.users("c b"))
        try await world.deactivate(1)
        #expect(try await world.assign(4) == SequenceRow.users("b | c b b"))
        #expect(try await world.states(ofCycle: 1) == ["used", "used", "left", "used", "left", "left"])
    }

    static func dailyCap(in world: some SequenceWorld) async throws {
        try await world.set(SequenceVectors.base.shares, .laps)
        try await world.setDailyCap(2, 1)
        #expect(try await world.assign(6) == SequenceRow.users("c b a a a | c"))
        #expect(try await world.states(ofCycle: 1) == ["used", "used", "used", "daily_cap", "used", "used"])
    }

    static func duplicateBurnsNoSlot(in world: some SequenceWorld) async throws {
        try await world.set(SequenceVectors.base.shares, .laps)
        #expect(try await world.assign(1) == SequenceRow.users("c"))
        try await world.enterDuplicate()
        #expect(try await world.assign(2) == SequenceRow.users("b a"))
        #expect(try await world.states(ofCycle: 1) == ["used", "used", "used", "free", "free", "free"])
    }

    static func workerKilledHoldingTheThird(in world: some SequenceWorld) async throws {
        try await world.set(SequenceVectors.base.shares, .laps)
        #expect(try await world.assign(2) == SequenceRow.users("c b"))
        try await world.dieHoldingASlot()
        #expect(try await world.assign(3) == SequenceRow.users("b a a"))
        #expect(try await world.states(ofCycle: 1) == ["used", "used", "free", "used", "used", "used"])
        #expect(try await world.assign(2) == SequenceRow.users("a | c"))
        #expect(try await world.states(ofCycle: 1) == Array(repeating: "used", count: 6))
    }
}
