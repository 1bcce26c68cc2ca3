import Jobs
import Testing

/// How jobs come in, the same in every store.
@Suite struct DoorContractTests {
    @Test(arguments: StoreUnderTest.allCases)
    func sameIdIsTheSameJob(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("a")])
        let again = try await f.store.enqueue([f.job("a"), f.job("b"), f.job("b")])
        #expect(again.map(\.outcome) == [.existing(.id), .created, .existing(.id)])
        #expect(try await f.store.census(f.queue).enqueued == 2)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aKeyIsHeldUntilTheJobHasEnded(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        var a = f.job("a")
        a.key = "k"
        var b = f.job("b")
        b.key = "k"
        #expect(
            try await f.store.enqueue([a, b]).map(\.untimed) == [
                .init(id: "a", outcome: .created), .init(id: "a", outcome: .existing(.key)),
            ])
        let session = try await f.open(1)
        let claims = try await f.take(session, 1, from: 1)
        #expect(claims[0].hasKey)
        #expect(try await f.store.enqueue([b])[0].id == "a")
        _ = try await f.take(session, 0, from: 2, settle: [Settlement(claims[0], .dead(code: "x", message: ""))])
        #expect(try await f.store.enqueue([b])[0].untimed == .init(id: "b", outcome: .created))
        // The dead one cannot come back while another holds its key.
        #expect(try await f.store.retry("a") == .keyInUse(by: "b"))
        #expect(try await f.store.discard("b") == .changed)
        #expect(try await f.store.retry("a") == .changed)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func idempotencyKeys(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        func job(_ id: String, _ hash: String, user: String = "u1", queue: String? = nil) -> NewJob {
            var job = f.job(id)
            job.queue = queue ?? f.queue
            job.idempotency = Idempotency(user: user, key: "I", bodyHash: hash)
            return job
        }
        #expect(try await f.store.enqueue([job("a", "h")])[0].untimed == .init(id: "a", outcome: .created))
        #expect(try await f.store.enqueue([job("b", "h")])[0] == .init(id: "a", outcome: .existing(.idempotency)))
        let mixed = try await f.store.enqueue([f.job("new"), job("c", "other")])
        #expect(mixed.map(\.outcome) == [.refused, .idempotencyMismatch])
        #expect(try await f.store.job("new") == nil)
        #expect(try await f.store.enqueue([job("d", "other", user: "u2")])[0].outcome == .created)
        #expect(try await f.store.enqueue([job("e", "other", queue: f.second)])[0].outcome == .created)
        // The first request's wait is remembered, whether or not the repeat waits.
        var waiting = job("w", "h", user: "u3")
        waiting.idempotency?.wait = .seconds(20)
        #expect(try await f.store.enqueue([waiting])[0].untimed == .init(id: "w", outcome: .created))
        let created = try #require(try await f.store.job("w")).createdAt
        for again in [waiting, job("x", "h", user: "u3")] {
            let answer = try await f.store.enqueue([again])[0]
            #expect(answer == .init(id: "w", outcome: .existing(.idempotency), waitedUntil: created + 20_000))
        }
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func whatIsOutOfBoundsIsRefusedWhole(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        var large = f.job("large")
        large.args = Array(repeating: 0x20, count: 64 * 1024 + 1)
        var elsewhere = f.job("x")
        elsewhere.queue = "nowhere"
        for bad in [large, elsewhere, f.job("no spaces"), f.job("k", kind: "")] {
            await #expect(throws: StoreError.self) { try await f.store.enqueue([f.job("good"), bad]) }
        }
        #expect(try await f.store.census(f.queue).enqueued == 0)
    }
}
