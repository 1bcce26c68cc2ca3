import Jobs
import JobsRedis
import OwnerThread
import Testing

/// What every store must do alike; and the real one against the one in memory over random schedules.
@Suite struct ContractTests {
    enum StoreUnderTest: CaseIterable, Sendable { case memory, redis }

    private func make(_ which: StoreUnderTest) async throws -> (store: any JobStore, queue: String, process: String) {
        let f = try await Fixture()
        switch which {
        case .memory:
            let clock = Lock(1_000_000)
            let now: @Sendable () -> Int = {
                clock.withLock { time in
                    time += 1
                    return time
                }
            }
            return (MemoryJobStore(queues: [f.queue, f.second], now: now), f.queue, f.process)
        case .redis:
            return (f.store, f.queue, f.process)
        }
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aClaimedJobIsNotClaimedTwice(_ which: StoreUnderTest) async throws {
        let (store, queue, process) = try await make(which)
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
        let (store, queue, process) = try await make(which)
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

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func randomSchedulesEqualTheModel(_ seed: UInt64) async throws {
        let f = try await Fixture()
        let clock = Lock(1_000_000)
        let model = MemoryJobStore(
            queues: [f.queue, f.second],
            now: {
                clock.withLock { time in
                    time += 1
                    return time
                }
            })
        let stores: [any JobStore] = [model, f.store]
        var random = SplitMix(seed: seed)
        var session = 0
        var slot = 1
        var held: [Claim] = []
        var ids: [String] = []
        func pick<T>(_ list: [T]) -> T? { list.randomElement(using: &random) }

        for step in 0..<150 {
            switch session == 0 ? 9 : Int.random(in: 0..<13, using: &random) {
            case 0, 1, 2:
                let count = Int.random(in: 1...4, using: &random)
                let jobs = (0..<count).map { _ in
                    var job = f.job("j\(Int.random(in: 0..<60, using: &random))")
                    if Int.random(in: 0..<3, using: &random) == 0 {
                        job.key = "k\(Int.random(in: 0..<4, using: &random))"
                    }
                    // Not due within the test: promotion by time has tests of its own.
                    if Int.random(in: 0..<5, using: &random) == 0 { job.delay = .seconds(1000) }
                    return job
                }
                let answers = try await (model.enqueue(jobs), f.store.enqueue(jobs))
                #expect(answers.0 == answers.1, "seed \(seed) step \(step)")
                ids += answers.0.map(\.id)
            case 3, 4, 5:
                let take = Int.random(in: 0...4, using: &random)
                held.shuffle(using: &random)
                let settlements = held.prefix(Int.random(in: 0...4, using: &random)).map { claim in
                    Settlement(
                        claim,
                        pick(
                            [
                                .done(result: nil, code: nil, message: ""),
                                .done(result: [0x31], code: nil, message: ""),
                                .retry(after: .seconds(1000), code: "r", message: "m"), .snooze(for: .seconds(1000)),
                                .dead(code: "d", message: "m"), .release,
                            ] as [Settlement.Change]) ?? .release)
                }
                held.removeFirst(settlements.count)
                let exchange = Exchange(
                    queue: f.queue, session: "\(f.process).\(session)",
                    lane: Int.random(in: 0..<6, using: &random) == 0 ? .suspect : .ready, settlements: settlements,
                    take: take, firstSlot: slot)
                slot += take
                let replies = try await (model.exchange(exchange), f.store.exchange(exchange))
                #expect(
                    replies.0.claims.map(\.id) == replies.1.claims.map(\.id)
                        && replies.0.waiting == replies.1.waiting && replies.0.suspects == replies.1.suspects,
                    "seed \(seed) step \(step)")
                #expect(replies.0.claims.map(\.attempt) == replies.1.claims.map(\.attempt))
                held += replies.0.claims
            case 6, 7, 8:
                guard let id = pick(ids) else { continue }
                let what = Int.random(in: 0..<3, using: &random)
                var results: [ChangeResult] = []
                for store in stores {
                    switch what {
                    case 0: results.append(try await store.cancel(id))
                    case 1: results.append(try await store.retry(id))
                    default: results.append(try await store.discard(id))
                    }
                }
                #expect(results[0] == results[1], "seed \(seed) step \(step) \(id) what \(what)")
            case 9:
                session += 1
                for store in stores {
                    try await store.open(
                        session: "\(f.process).\(session)", lease: .seconds(1000),
                        predecessor: session == 1 ? nil : "\(f.process).\(session - 1)")
                }
                held = []
            case 10:
                let changed = try await (
                    model.retryDead(kind: nil, queue: nil), f.store.retryDead(kind: nil, queue: nil)
                )
                #expect(changed.0 == changed.1)
            case 11:
                let answers = try await (
                    model.release(session: "\(f.process).\(session)"),
                    f.store.release(session: "\(f.process).\(session)")
                )
                #expect(answers.0 == answers.1)
                session += 1
                for store in stores {
                    try await store.open(session: "\(f.process).\(session)", lease: .seconds(1000), predecessor: nil)
                }
                held = []
            default:
                for store in stores {
                    if step % 2 == 0 { try await store.pause(f.queue) } else { try await store.resume(f.queue) }
                }
            }
            let censuses = try await (model.census(f.queue), f.store.census(f.queue))
            #expect(censuses.0 == censuses.1, "seed \(seed) step \(step)")
            #expect(censuses.1.difference == 0, "seed \(seed) step \(step)")
        }
        for id in Set(ids) {
            let views = try await (model.job(id), f.store.job(id))
            #expect(views.0?.state == views.1?.state && views.0?.attempt == views.1?.attempt, "\(id)")
            #expect(views.0?.error?.code == views.1?.error?.code, "\(id)")
        }
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
