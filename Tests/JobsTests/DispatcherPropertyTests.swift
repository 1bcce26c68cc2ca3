import Testing

@testable import Jobs

/// The dispatcher as a plain value under random events: its rules hold after each, and it always gets somewhere.
@Suite struct DispatcherPropertyTests {
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func rulesHoldAndNothingStalls(_ seed: UInt64) { check(seed) }

    @Test func rulesHoldForNewSeeds() {
        let seed = UInt64.random(in: 1000...UInt64(UInt32.max))
        print("DispatcherPropertyTests: seeds from \(seed)")
        for next in seed..<seed + 10 { check(next) }
    }

    private func check(_ seed: UInt64) {
        var random = Generator(seed: seed)
        let weights = (0...Int.random(in: 0..<4, using: &random)).map { _ in Int.random(in: 1...9, using: &random) }
        var world = DispatcherWorld(concurrency: [1, 2, 7, 24, 64][Int(seed % 5)], weights: weights)
        for step in 0..<500 {
            world.happen(&random)
            if let finding = world.findings.first {
                Issue.record("seed \(seed), event \(step): broken: \(finding)")
                return
            }
        }
        world.isPaused = world.isPaused.map { _ in false }
        let isDone: (DispatcherWorld) -> Bool = { world in
            world.waiting.allSatisfy { $0 == 0 } && world.suspects.allSatisfy { $0 == 0 } && world.running.isEmpty
                && world.calls.isEmpty && world.fates.isEmpty
        }
        if !world.settleDown(&random, until: isDone) {
            Issue.record(
                "seed \(seed): stalls with \(world.waiting) waiting, \(world.suspects) suspects: \(world.dispatcher)")
        }
        // In the middle of something again, and then a stop.
        for _ in 0..<100 { world.happen(&random) }
        world.stop()
        if !world.settleDown(&random, until: { $0.drained == 1 }) {
            Issue.record("seed \(seed): a stop that never ends")
        }
        if world.dispatcher.openSession != nil {
            #expect(world.fates.isEmpty, "seed \(seed): an acknowledgement is lost")
        }
        #expect(world.running.isEmpty, "seed \(seed)")
        #expect(world.findings == [], "seed \(seed)")
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func sharesConvergeToTheWeightsUnderLoad(_ seed: UInt64) {
        var random = Generator(seed: seed)
        let weights = (0...Int.random(in: 1..<4, using: &random)).map { _ in Int.random(in: 1...9, using: &random) }
        var world = DispatcherWorld(concurrency: Int.random(in: 10...40, using: &random), weights: weights)
        for _ in 0..<4000 {
            world.waiting = weights.map { _ in 100_000 }
            if !world.opens.isEmpty { world.answerOpen(true) }
            if !world.calls.isEmpty {
                world.answerCall(at: Int.random(in: 0..<world.calls.count, using: &random), .good)
            }
            if !world.running.isEmpty { world.finish(at: Int.random(in: 0..<world.running.count, using: &random)) }
            if world.calls.isEmpty && world.running.isEmpty { world.wake() }
        }
        #expect(world.findings == [])
        let (all, total) = (Double(weights.reduce(0, +)), Double(world.taken.reduce(0, +)))
        for (weight, taken) in zip(weights, world.taken) {
            let (due, got) = (Double(weight) / all, Double(taken) / total)
            #expect(abs(due - got) < 0.1, "seed \(seed): weights \(weights) took \(world.taken)")
        }
    }
}
