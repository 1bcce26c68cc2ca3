import TestSupport
import Testing

/// Random operations on a store and on the model: whatever can be seen of both must be the same after each.
@Suite struct ModelTests {
    static let steps = 400 / BuildPace.slowness

    @Test(arguments: QueueWorld.Store.allCases, [11, 12, 13, 14, 15, 16] as [UInt64])
    func storeEqualsModel(_ store: QueueWorld.Store, _ seed: UInt64) async throws {
        try await check(store, seed)
    }

    /// A seed of its own each time, so that many runs see much; the finding names it.
    @Test(arguments: QueueWorld.Store.allCases)
    func storeEqualsModelForANewSeed(_ store: QueueWorld.Store) async throws {
        let seed = UInt64.random(in: 1000...UInt64(UInt32.max))
        print("ModelTests: seed \(seed) for \(store)")
        try await check(store, seed)
    }

    private func check(_ store: QueueWorld.Store, _ seed: UInt64) async throws {
        let operations = Operation.list(seed: seed, steps: Self.steps, foreign: store == .redis)
        guard let (step, text) = try await ScheduleRun.firstDifference(operations, .make(store)) else { return }
        let (shortest, finding) = try await shrink(Array(operations[...step]), text, store)
        let list = shortest.enumerated().map { "\($0 + 1). \($1)" }.joined(separator: "\n")
        Issue.record("seed \(seed), \(store): step \(step): \(text)\nshortest that differs: \(finding)\n\(list)")
    }

    /// Leaves out what is not needed for a difference: halves, quarters … single operations.
    private func shrink(
        _ operations: [Operation], _ text: String, _ store: QueueWorld.Store
    ) async throws -> ([Operation], String) {
        var (shortest, finding) = (operations, text)
        var size = shortest.count / 2
        let end = ContinuousClock.now + .seconds(20)
        while size >= 1 {
            var from = 0
            while from < shortest.count, ContinuousClock.now < end {
                var fewer = shortest
                fewer.removeSubrange(from..<min(from + size, shortest.count))
                if let (step, text) = try await ScheduleRun.firstDifference(fewer, .make(store)) {
                    (shortest, finding) = (Array(fewer[...step]), text)
                } else {
                    from += size
                }
            }
            size /= 2
        }
        return (shortest, finding)
    }
}
