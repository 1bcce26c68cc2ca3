import CRM
import Testing

/// Every row of the expected sequences, whole transaction.
@Suite("Assignment sequences, whole transaction") struct StoreSequenceTests {
    @Test("§5 order a:3,1 b:2,2 c:1,3", arguments: AssignmentStrategy.allCases)
    func base(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.base, strategy, in: $0) }
    }

    @Test("§5 order 19:5,3 20:8,6 2:6,4", arguments: AssignmentStrategy.allCases)
    func tail(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.tail, strategy, in: $0) }
    }

    @Test("§5 order 5:2,1 13:3,2 14:4,3 15:5,4 16:6,5", arguments: AssignmentStrategy.allCases)
    func stairs(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.stairs, strategy, in: $0) }
    }

    @Test("§5 order 2:4,8 14:3,7 17:2,5 22:1,4", arguments: AssignmentStrategy.allCases)
    func four(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.four, strategy, in: $0) }
    }

    @Test("§5 order ties 9:2,5 3:2,5 7:1,5", arguments: AssignmentStrategy.allCases)
    func ties(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.ties, strategy, in: $0) }
    }

    @Test("§5 order new hire 1:2,3 2:0,9 4:1,1", arguments: AssignmentStrategy.allCases)
    func newHire(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.newHire, strategy, in: $0) }
    }

    @Test("§5 order 5:0,1", arguments: AssignmentStrategy.allCases)
    func none(strategy: AssignmentStrategy) async throws {
        try await AssignmentLab.with { try await SequenceCheck.order(SequenceVectors.none, strategy, in: $0) }
    }

    @Test("§5 event: 14 customers") func fourteenCustomers() async throws {
        try await AssignmentLab.with { try await SequenceCheck.fourteenCustomers(in: $0) }
    }

    @Test("§5 event: after 2, rank changed") func ranksChangedAfterTwo() async throws {
        try await AssignmentLab.with { try await SequenceCheck.ranksChangedAfterTwo(in: $0) }
    }

    @Test("§5 event: after 2, a deactivated") func sellerLeavesAfterTwo() async throws {
        try await AssignmentLab.with { try await SequenceCheck.sellerLeavesAfterTwo(in: $0) }
    }

    @Test("§5 event: b daily_cap=1") func dailyCap() async throws {
        try await AssignmentLab.with { try await SequenceCheck.dailyCap(in: $0) }
    }

    @Test("§5 event: 2nd customer duplicate") func duplicateBurnsNoSlot() async throws {
        try await AssignmentLab.with { try await SequenceCheck.duplicateBurnsNoSlot(in: $0) }
    }

    @Test("§5 event: worker killed holding slot 3") func workerKilledHoldingTheThird() async throws {
        try await AssignmentLab.with { try await SequenceCheck.workerKilledHoldingTheThird(in: $0) }
    }
}
