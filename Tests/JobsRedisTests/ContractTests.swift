import Jobs
import Testing

/// What every store must do alike.
@Suite struct ContractTests {
    @Test(arguments: StoreUnderTest.allCases)
    func aClaimedJobIsNotClaimedTwice(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        let (store, queue, process) = (f.store, f.queue, f.process)
        _ = try await store.enqueue((0..<50).map { NewJob(id: "j\($0)", kind: "noop", queue: queue) })
        try await store.open(session: process + ".1", lease: .seconds(60), predecessor: nil)
        try await store.open(session: process + ".2", lease: .seconds(60), predecessor: nil)
        var ids: [String] = []
        for slot in 1...30 {
            for session in [process + ".1", process + ".2"] {
                ids += try await store.exchange(
                    Exchange(queue: queue, session: session, take: 1, firstSlot: slot)
                ).claims.map(\.id)
            }
        }
        #expect(ids == (0..<50).map { "j\($0)" })
        #expect(try await store.census(queue).difference == 0)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aRepeatOfAnAcknowledgementChangesNothing(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        let (store, queue, process) = (f.store, f.queue, f.process)
        _ = try await store.enqueue([NewJob(id: "a", kind: "noop", queue: queue)])
        let session = process + ".1"
        try await store.open(session: session, lease: .seconds(60), predecessor: nil)
        let claim = try await store.exchange(Exchange(queue: queue, session: session, take: 1, firstSlot: 1)).claims[0]
        for change in [
            Settlement.Change.done(result: nil, code: nil, message: ""), .dead(code: "x", message: ""), .release,
        ] {
            _ = try await store.exchange(
                Exchange(
                    queue: queue, session: session, settlements: [Settlement(claim, change)], take: 0, firstSlot: 2))
        }
        let census = try await store.census(queue)
        #expect(census.succeeded == 1 && census.dead == 0 && census.waiting == 0 && census.difference == 0)
        #expect(try await store.job("a")?.state == .succeeded)
    }
}

struct SplitMix: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var z = seed
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
