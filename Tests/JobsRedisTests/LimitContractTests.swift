import Jobs
import JobsRedis
import OwnerThread
import Testing

/// Limits of kinds, alike in every store: exact over all queues, and nothing is lost, held up or forgotten.
@Suite struct LimitContractTests {
    typealias Which = StoreUnderTest

    /// One store, a kind of the test's own, and sessions in it.
    final class Bench: Sendable {
        let store: any JobStore
        let f: Fixture
        /// The limited kind; limits are the whole server's.
        let kind: String
        private let slot = Lock(1)
        /// The memory's clock.
        let clock = Lock(1_000_000)

        init(_ which: Which) async throws {
            f = try await Fixture()
            kind = "kind.\(f.queue)"
            let clock = clock
            store =
                which == .redis
                ? f.store
                : MemoryJobStore(
                    queues: [f.queue, f.second],
                    now: {
                        clock.withLock { time in
                            time += 1
                            return time
                        }
                    })
        }

        func open(_ number: Int, after: Int? = nil, lease: Duration = .seconds(60)) async throws {
            try await store.open(session: name(number), lease: lease, predecessor: after.map(name))
        }

        func name(_ number: Int) -> String { "\(f.process).\(number)" }

        func add(_ ids: [String], kind: String? = nil, second: Bool = false) async throws {
            let jobs = ids.map { NewJob(id: $0, kind: kind ?? self.kind, queue: second ? f.second : f.queue) }
            for answer in try await store.enqueue(jobs) { #expect(answer.outcome == .created) }
        }

        @discardableResult func take(
            _ count: Int, settle: [(Claim, Settlement.Change)] = [], second: Bool = false, session: Int = 1,
            lane: Lane = .ready
        ) async throws -> [Claim] {
            let first = slot.withLock { slot in
                defer { slot += count }
                return slot
            }
            return try await store.exchange(
                Exchange(
                    queue: second ? f.second : f.queue, session: name(session), lane: lane,
                    settlements: settle.map { Settlement($0.0, $0.1) }, take: count, firstSlot: first)
            ).claims
        }

        func balance(at location: SourceLocation = #_sourceLocation) async throws {
            for queue in [f.queue, f.second] {
                let census = try await store.census(queue)
                #expect(census.difference == 0, "\(census)", sourceLocation: location)
            }
        }
    }

    static let done = Settlement.Change.done(result: nil, code: nil, message: "")

    @Test(arguments: Which.allCases)
    func whatIsOverTheLimitWaitsAsideAndHoldsUpNobody(_ which: Which) async throws {
        let b = try await Bench(which)
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 2)])
        try await b.open(1)
        try await b.add((0..<10).map { "a\($0)" })
        try await b.add(["x", "y"], kind: "other")
        try await b.add((0..<3).map { "s\($0)" }, second: true)
        let first = try await b.take(20)
        #expect(first.map(\.id) == ["a0", "a1", "x", "y"])
        // Over all queues together.
        #expect(try await b.take(20, second: true).isEmpty)
        var census = try await b.store.census(b.f.queue)
        #expect(census.waiting == 8 && census.inFlight == 4 && census.foreign == 0)
        let view = try await b.store.queues()[0]
        #expect(view.depth == 8)
        let waiting = try await b.store.jobs(JobFilter(state: .queued, queue: b.f.queue), cursor: nil, limit: 50).jobs
        #expect(waiting.map(\.id) == (2..<10).map { "a\($0)" })
        #expect(waiting.allSatisfy { $0.attempt == 0 })
        // One for one, in order; the acknowledgement and the claim in one step.
        var claims = try await b.take(20, settle: [(first[0], Self.done)])
        // The other queue, which has waited too, may be let in first.
        claims += try await b.take(20)
        claims += try await b.take(20, second: true)
        #expect(claims.count == 1 && ["a2", "s0"].contains(claims[0].id))
        census = try await b.store.census(b.f.queue)
        #expect(census.waiting + (try await b.store.census(b.f.second)).waiting == 10)
        try await b.balance()
    }

    @Test(arguments: Which.allCases)
    func everyWayOutMakesRoom(_ which: Which) async throws {
        let b = try await Bench(which)
        try await b.f.waitForUptime()
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.open(1)
        try await b.add((0..<20).map { "a\($0)" })
        var claim = try #require(try await b.take(5).first)
        let changes: [Settlement.Change] = [
            Self.done, .done(result: [0x31], code: nil, message: ""),
            .retry(after: .seconds(1000), code: "r", message: ""),
            .snooze(for: .seconds(1000)), .dead(code: "d", message: ""),
        ]
        for (number, change) in changes.enumerated() {
            let next = try await b.take(5, settle: [(claim, change)])
            #expect(next.map(\.id) == ["a\(number + 1)"], "\(change)")
            claim = try #require(next.first)
        }
        // Given back: runs again at once, or the next does; one of them.
        var next = try await b.take(5, settle: [(claim, .release)])
        #expect(next.count == 1)
        claim = try #require(next.first)
        #expect(try await b.store.cancel(claim.id) == .changed)
        next = try await b.take(5)
        #expect(next.count == 1 && next[0].id != claim.id)
        // A session taken over, released, reaped.
        try await b.open(2, after: 1)
        next = try await b.take(5, session: 2)
        #expect(next.count == 1)
        #expect(try await b.store.release(session: b.name(2)) == 1)
        try await b.open(3, lease: .milliseconds(1))
        next = try await b.take(5, session: 3)
        #expect(next.count == 1)
        try await eventually("reaped") {
            _ = try await b.store.reap(lease: .milliseconds(1))
            return try await b.store.census(b.f.queue).inFlight == 0
        }
        try await b.open(4)
        #expect(try await b.take(5, session: 4).count == 1)
        #expect(try await b.take(5, session: 4).isEmpty)
        try await b.balance()
    }

    @Test(arguments: Which.allCases)
    func jobsAsideCanBeCancelledDiscardedAndRetried(_ which: Which) async throws {
        let b = try await Bench(which)
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.open(1)
        try await b.add((0..<6).map { "a\($0)" })
        let first = try await b.take(9)
        #expect(first.map(\.id) == ["a0"])
        #expect(try await b.store.cancel("a1") == .changed)
        #expect(try await b.store.discard("a2") == .changed)
        #expect(try await b.store.cancel("a3") == .changed)
        #expect(try await b.store.retry("a3") == .changed)
        #expect(try await b.store.job("a2") == nil)
        #expect(try await b.store.job("a1")?.state == .cancelled)
        try await b.balance()
        var claims = first
        var ran: [String] = []
        while let claim = claims.first {
            ran.append(claim.id)
            claims = try await b.take(9, settle: [(claim, Self.done)])
            try await b.balance()
        }
        #expect(ran == ["a0", "a3", "a4", "a5"])
        let census = try await b.store.census(b.f.queue)
        #expect(census.waiting == 0 && census.cancelled == 1 && census.discarded == 1 && census.succeeded == 4)
    }

    @Test(arguments: Which.allCases)
    func aNewLimitCountsAtOnce(_ which: Which) async throws {
        let b = try await Bench(which)
        try await b.open(1)
        try await b.add((0..<30).map { "a\($0)" })
        var held = try await b.take(5)
        #expect(held.count == 5)
        // What runs already counts.
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 3)])
        #expect(try await b.take(5).isEmpty)
        #expect(try await b.take(5, settle: held.prefix(2).map { ($0, Self.done) }).isEmpty)
        held.removeFirst(2)
        var more = try await b.take(5, settle: [(held.removeFirst(), Self.done)])
        #expect(more.count == 1)
        held += more
        // Raised, with nobody ending.
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 10)])
        more = try await b.take(20)
        #expect(more.count == 7)
        held += more
        // Lowered, to be reached by ends only.
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 2)])
        #expect(try await b.take(20, settle: held.prefix(8).map { ($0, Self.done) }).isEmpty)
        held.removeFirst(8)
        // Taken away, while none runs.
        #expect(try await b.take(0, settle: held.map { ($0, Self.done) }).isEmpty)
        try await b.store.limit([KindLimit(kind: b.kind)])
        more = try await b.take(50)
        #expect(more.map(\.id) == (13..<30).map { "a\($0)" })
        _ = try await b.take(0, settle: more.map { ($0, Self.done) })
        let census = try await b.store.census(b.f.queue)
        #expect(census.succeeded == 30 && census.waiting == 0)
        try await b.balance()
    }

    @Test(arguments: Which.allCases)
    func aPausedQueueKeepsWhatItHoldsAside(_ which: Which) async throws {
        let b = try await Bench(which)
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.open(1)
        try await b.add((0..<4).map { "a\($0)" })
        try await b.add((0..<4).map { "s\($0)" }, second: true)
        var claim = try #require(try await b.take(9).first)
        #expect(try await b.take(9, second: true).isEmpty)
        try await b.store.pause(b.f.queue)
        #expect(try await b.take(9, settle: [(claim, Self.done)]).isEmpty)
        // The others have its place.
        claim = try #require(try await b.take(9, second: true).first)
        #expect(claim.id == "s0")
        #expect(try await b.store.census(b.f.queue).waiting == 3)
        _ = try await b.take(0, settle: [(claim, Self.done)], second: true)
        try await b.store.resume(b.f.queue)
        var ran: [String] = []
        for _ in 0..<30 where ran.count < 6 {
            for second in [false, true] {
                for claim in try await b.take(9, second: second) {
                    ran.append(claim.id)
                    _ = try await b.take(0, settle: [(claim, Self.done)], second: second)
                }
            }
        }
        #expect(ran.sorted() == ["a1", "a2", "a3", "s1", "s2", "s3"])
        try await b.balance()
    }

    @Test(arguments: Which.allCases)
    func suspectsCountAndWait(_ which: Which) async throws {
        let b = try await Bench(which)
        try await b.f.waitForUptime()
        try await b.store.limit([KindLimit(kind: b.kind, concurrency: 1)])
        try await b.add(["bad"])
        for number in 1...2 {
            try await b.open(number, lease: .milliseconds(1))
            #expect(try await b.take(1, session: number).map(\.id) == ["bad"])
            try await eventually("reaped") {
                _ = try await b.store.reap(lease: .milliseconds(1))
                return try await b.store.census(b.f.queue).inFlight == 0
            }
        }
        #expect(try await b.store.census(b.f.queue).suspect == 1)
        try await b.open(9)
        try await b.add(["good"])
        let good = try await b.take(5, session: 9)
        #expect(good.map(\.id) == ["good"])
        // It stays a suspect, and is not shown as work for a quiet moment.
        #expect(try await b.take(1, session: 9, lane: .suspect).isEmpty)
        let reply = try await b.store.exchange(
            Exchange(queue: b.f.queue, session: b.name(9), take: 0, firstSlot: 1))
        #expect(reply.suspects == 0 && reply.waiting == 0)
        #expect(try await b.store.census(b.f.queue).suspect == 1)
        _ = try await b.take(0, settle: [(good[0], Self.done)], session: 9)
        let bad = try await b.take(1, session: 9, lane: .suspect)
        #expect(bad.map(\.id) == ["bad"])
        try await b.add(["later"])
        #expect(try await b.take(5, session: 9).isEmpty)
        #expect(try await b.take(5, settle: [(bad[0], Self.done)], session: 9).map(\.id) == ["later"])
        try await b.balance()
    }

    /// Over random steps: never more than the limit in flight, never fewer while one could run, all run in the end.
    @Test(arguments: [(.memory, 1), (.redis, 2), (.redis, 3), (.redis, 4)] as [(Which, UInt64)])
    func neverMoreAndNeverFewer(_ which: Which, _ seed: UInt64) async throws {
        let b = try await Bench(which)
        var random = SplitMix(seed: seed)
        var limit: Int? = nil
        var session = 1
        try await b.open(1)
        var held: [(claim: Claim, second: Bool)] = []
        var (ids, paused) = ([String](), false)
        for step in 0..<200 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1, 2:
                let fresh = (0..<Int.random(in: 1...5, using: &random)).map { "j\(step)-\($0)" }
                try await b.add(
                    fresh, kind: Int.random(in: 0..<4, using: &random) == 0 ? "other" : nil,
                    second: Int.random(in: 0..<3, using: &random) == 0)
                ids += fresh
            case 3:
                limit = [nil, 1, 2, 3, 7].randomElement(using: &random) ?? nil
                try await b.store.limit([KindLimit(kind: b.kind, concurrency: limit)])
            case 4:
                session += 1
                try await b.open(session, after: session - 1)
                held = []
            case 5:
                if let id = ids.randomElement(using: &random) {
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: if try await b.store.cancel(id) == .changed { held.removeAll { $0.claim.id == id } }
                    case 1: _ = try await b.store.retry(id)
                    default: _ = try await b.store.discard(id)
                    }
                }
            case 6:
                paused.toggle()
                if paused { try await b.store.pause(b.f.queue) } else { try await b.store.resume(b.f.queue) }
            default:
                let second = Bool.random(using: &random)
                let mine = held.filter { $0.second == second }.prefix(Int.random(in: 0...3, using: &random))
                held.removeAll { kept in mine.contains { $0.claim.id == kept.claim.id } }
                let change = [
                    Self.done, .release, .dead(code: "d", message: ""), .snooze(for: .zero),
                ].randomElement(using: &random)
                let claims = try await b.take(
                    Int.random(in: 0...6, using: &random), settle: mine.map { ($0.claim, change ?? Self.done) },
                    second: second, session: session)
                held += claims.map { ($0, second) }
                _ = try await b.store.promote()
                let running = held.count { $0.claim.kind == b.kind }
                if let limit, !claims.isEmpty, claims.contains(where: { $0.kind == b.kind }) {
                    #expect(running <= limit, "seed \(seed) step \(step)")
                }
            }
            try await b.balance()
        }
        // Everything that is left runs, whatever the limit.
        if paused { try await b.store.resume(b.f.queue) }
        for _ in 0..<2000 {
            _ = try await b.store.promote()
            var ran = 0
            for second in [false, true] {
                let mine = held.filter { $0.second == second }
                held.removeAll { $0.second == second }
                let claims = try await b.take(
                    50, settle: mine.map { ($0.claim, Self.done) }, second: second, session: session)
                if let limit, claims.contains(where: { $0.kind == b.kind }) {
                    #expect((held.map(\.claim) + claims).count { $0.kind == b.kind } <= limit)
                }
                held += claims.map { ($0, second) }
                ran += mine.count + claims.count
            }
            let left = try await (b.store.census(b.f.queue), b.store.census(b.f.second))
            if ran == 0, left.0.waiting + left.1.waiting + left.0.delayed + left.1.delayed == 0 { break }
        }
        for queue in [b.f.queue, b.f.second] {
            let census = try await b.store.census(queue)
            #expect(census.waiting == 0 && census.inFlight == 0 && census.delayed == 0, "seed \(seed) \(census)")
        }
        try await b.balance()
    }
}
