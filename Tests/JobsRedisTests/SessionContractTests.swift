import Jobs
import Testing

/// Who holds jobs, and what becomes of them when he is gone, the same in every store.
@Suite struct SessionContractTests {
    @Test(arguments: StoreUnderTest.allCases)
    func theNextSessionTakesBackAtOnceUncounted(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue((0..<4).map { f.job("j\($0)") })
        for number in 1...5 {
            let session = try await f.open(number, after: number == 1 ? nil : number - 1)
            let claims = try await f.take(session, 2, from: 1)
            #expect(claims.map(\.id) == ["j0", "j1"] && claims[0].attempt == 1)
        }
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func crashesLeadToSuspectAndPoison(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        try await f.waitForUptime()
        _ = try await f.store.enqueue([f.job("p")])
        for crash in 1...3 {
            let session = try await f.open(crash, lease: .milliseconds(1))
            let lane: Lane = crash == 3 ? .suspect : .ready
            let claims = try await f.take(session, 1, lane: lane, from: 1)
            #expect(claims.map(\.id) == ["p"], "crash \(crash)")
            #expect(claims.first?.attempt == 1)
            // The session stands in each queue; this one's may end last.
            try await eventually("lease ends") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.state("p") != .running
            }
            let census = try await f.store.census(f.queue)
            #expect(census.suspect == (crash == 2 ? 1 : 0) && census.difference == 0)
        }
        let job = try #require(try await f.store.job("p"))
        #expect(job.state == .dead && job.error?.code == "poison")
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aCheckpointForgivesCrashes(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        try await f.waitForUptime()
        _ = try await f.store.enqueue([f.job("long")])
        for crash in 1...6 {
            let session = try await f.open(crash, lease: .milliseconds(20))
            #expect(try await f.take(session, 1, from: 1).count == 1)
            try await f.store.checkpoint(session: session, queue: f.queue, id: "long")
            try await eventually("reaped") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.state("long") != .running
            }
        }
        #expect(try await f.state("long") == .queued)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func jobsOfARegisteredProcessGoBackUncounted(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("a")])
        for number in 1...4 {
            let session = try await f.open(number, lease: .milliseconds(30))
            #expect(try await f.take(session, 1, from: 1).count == 1)
            // The process lives: another session of its has been beaten.
            let other = try await f.open(100 + number)
            try await f.store.beat(session: other, lease: .seconds(60), worker: f.info)
            try await eventually("reaped") {
                _ = try await f.store.reap(lease: .milliseconds(1))
                return try await f.state("a") != .running
            }
        }
        #expect(try await f.state("a") == .queued)
        try await f.store.unregister(process: f.process)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func releaseGivesBackInOrderToTheFront(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue((0..<5).map { f.job("j\($0)") })
        let session = try await f.open(1)
        _ = try await f.take(session, 3, from: 1)
        #expect(try await f.store.release(session: session) == 3)
        #expect(try await f.store.release(session: session) == 0)
        let next = try await f.open(2)
        let claims = try await f.take(next, 5, from: 1)
        #expect(claims.map(\.id) == (0..<5).map { "j\($0)" } && claims.allSatisfy { $0.attempt == 1 })
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func workersRegister(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        let session = try await f.open(1)
        try await f.store.beat(session: session, lease: .seconds(15), worker: f.info)
        var registered = try #require(try await f.store.workers().first { $0.process == f.process })
        // The real store tells the start by the server's clock, whatever this machine's says.
        registered.startedAt = f.info.startedAt
        #expect(registered == f.info)
        try await f.store.unregister(process: f.process)
        #expect(try await !f.store.workers().contains { $0.process == f.process })
    }

    @Test(arguments: StoreUnderTest.allCases)
    func progressIsWrittenForTheHolderOnly(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("a")])
        let session = try await f.open(1)
        let claim = try await f.take(session, 1, from: 7)[0]
        try await f.store.progress(
            session: session, queue: f.queue, slot: claim.slot, id: "a", .init(done: 3, total: 9))
        #expect(try await f.store.job("a")?.progress == .init(done: 3, total: 9))
        try await f.store.progress(session: session, queue: f.queue, slot: 99, id: "a", .init(done: 8, total: 9))
        #expect(try await f.store.job("a")?.progress?.done == 3)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aSessionThatWasTakenOverMayDoNothing(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("a"), f.job("b")])
        let old = try await f.open(1)
        let claim = try await f.take(old, 1, from: 1)[0]
        _ = try await f.open(2, after: 1)
        let done = Settlement(claim, .done(result: nil, code: nil, message: ""))
        let error = await #expect(throws: StoreError.self) { try await f.take(old, 1, from: 5, settle: [done]) }
        #expect(error?.code == .sessionLost)
        await #expect(throws: StoreError.self) {
            try await f.store.progress(
                session: old, queue: f.queue, slot: claim.slot, id: claim.id, .init(done: 1, total: 2))
        }
        let job = try #require(try await f.store.job("a"))
        #expect(job.state == .queued && job.progress == nil)
        #expect(try await f.store.release(session: old) == 0)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func aDiscardedJobsNameIsRemembered(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("waits"), f.job("dies")])
        let session = try await f.open(1)
        #expect(try await f.store.discard("waits") == .changed)
        // The claim pops what is left of the first.
        let claim = try await f.take(session, 2, from: 1)[0]
        _ = try await f.take(session, 0, from: 9, settle: [Settlement(claim, .dead(code: "x", message: ""))])
        #expect(try await f.store.discard("dies") == .changed)
        // An outbox that still has them sends them again: they do not come back.
        let again = try await f.store.enqueue([f.job("waits"), f.job("dies")])
        #expect(again.map(\.outcome) == [.existing(.id), .existing(.id)])
        #expect(try await f.take(session, 9, from: 20).isEmpty)
        try await f.expectBalance()
    }
}
