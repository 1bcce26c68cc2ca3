import Jobs
import Testing

/// The life of a job, the same in every store.
@Suite struct TransitionTests {
    @Test(arguments: StoreUnderTest.allCases)
    func enqueueClaimSucceed(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        #expect(try await f.store.enqueue([f.job("a"), f.job("b")]).map(\.outcome) == [.created, .created])
        let session = try await f.open(1)
        let claims = try await f.take(session, 10, from: 1)
        #expect(claims.map(\.id) == ["a", "b"])
        #expect(claims[0].attempt == 1 && claims[0].slot == 1 && claims[1].slot == 2)
        #expect(try await f.state("a") == .running)
        let more = try await f.take(
            session, 0, from: 3,
            settle: [
                Settlement(claims[0], .done(result: nil, code: nil, message: "")),
                Settlement(claims[1], .done(result: Array("[1]".utf8), code: nil, message: "")),
            ])
        #expect(more.isEmpty)
        let b = try #require(try await f.store.job("b"))
        #expect(b.state == .succeeded && b.result == Array("[1]".utf8) && b.finishedAt != nil && b.attempt == 1)
        let census = try await f.store.census(f.queue)
        #expect(census.succeeded == 2 && census.inFlight == 0 && census.difference == 0)
        #expect(try await f.store.queues()[0].depth == 0)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func argumentsStayAsTheyAre(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        let args = #"{"a":[],"n":12345678901234567890,"e":1e400,"s":"中\u00e9"}"#
        _ = try await f.store.enqueue([f.job("a", args)])
        let claim = try await f.take(try await f.open(1), 1, from: 1)[0]
        #expect(claim.args == Array(args.utf8))
    }

    @Test(arguments: StoreUnderTest.allCases)
    func retrySnoozeDeadRelease(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue(["r", "s", "d", "b"].map { f.job($0) })
        let session = try await f.open(1)
        let claims = try await f.take(session, 4, from: 1)
        _ = try await f.take(
            session, 0, from: 5,
            settle: [
                Settlement(claims[0], .retry(after: .seconds(60), code: "boom", message: "it broke")),
                Settlement(claims[1], .snooze(for: .seconds(60))),
                Settlement(claims[2], .dead(code: "bad", message: "for good")),
                Settlement(claims[3], .release),
            ])
        let r = try #require(try await f.store.job("r"))
        #expect(r.state == .retrying && r.attempt == 1 && r.error == .init(code: "boom", message: "it broke"))
        let s = try #require(try await f.store.job("s"))
        #expect(s.state == .retrying && s.attempt == 0 && s.error == nil)
        #expect(try await f.store.job("d")?.error?.code == "bad")
        let b = try #require(try await f.store.job("b"))
        #expect(b.state == .queued && b.attempt == 0)
        try await f.expectBalance()
        #expect(try await f.store.promote().moved == 0)
        #expect(try await f.store.retry("r") == .changed)
        // Released to the front, so first of all.
        #expect(try await f.take(session, 5, from: 10).map(\.id) == ["b", "r"])
        #expect(try await f.store.job("r")?.attempt == 2)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func delayedJobsArePromotedWhenDue(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        var job = f.job("later")
        job.delay = .milliseconds(1500)
        var past = f.job("past")
        past.runAt = 1000
        _ = try await f.store.enqueue([job, past])
        #expect(try await f.state("later") == .scheduled)
        #expect(try await f.state("past") == .queued)
        let first = try await f.store.promote()
        #expect(first.moved == 0 && first.nextDue ?? .zero > .zero && first.nextDue ?? .zero <= .milliseconds(1500))
        try await eventually("due") { try await f.store.promote().moved == 1 }
        #expect(try await f.state("later") == .queued)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func cancelInEachState(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        var later = f.job("later")
        later.delay = .seconds(60)
        _ = try await f.store.enqueue([later, f.job("running"), f.job("waiting"), f.job("done")])
        let session = try await f.open(1)
        let running = try await f.take(session, 1, from: 1)
        #expect(try await f.store.cancel("later") == .changed)
        #expect(try await f.store.cancel("waiting") == .changed)
        #expect(try await f.store.cancel("running") == .changed)
        #expect(try await f.store.cancel("running") == .state(.cancelled))
        #expect(try await f.store.cancel("nobody") == .missing)
        #expect(try await f.store.cancellations(session: session).map(\.id) == ["running"])
        #expect(try await f.store.cancellations(session: session) == [])
        // The tombstone counts as waiting until it is popped; the late acknowledgement changes nothing.
        #expect(try await f.store.census(f.queue).waiting == 2)
        try await f.expectBalance()
        let claims = try await f.take(
            session, 5, from: 2, settle: [Settlement(running[0], .done(result: nil, code: nil, message: ""))])
        #expect(claims.map(\.id) == ["done"])
        let census = try await f.store.census(f.queue)
        #expect(census.waiting == 0 && census.cancelled == 3 && census.succeeded == 0 && census.difference == 0)
        #expect(try await f.state("running") == .cancelled)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func retryOfCancelledAndDead(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("c"), f.job("d")])
        #expect(try await f.store.cancel("c") == .changed)
        #expect(try await f.store.retry("c") == .changed)
        #expect(try await f.store.retry("c") == .state(.queued))
        let session = try await f.open(1)
        let claims = try await f.take(session, 9, from: 1)
        #expect(claims.map(\.id) == ["c", "d"])
        _ = try await f.take(
            session, 0, from: 9, settle: claims.map { Settlement($0, .dead(code: "x", message: "y")) })
        #expect(try await f.store.retryDead(kind: "noop", queue: nil) == 2)
        #expect(try await f.store.job("c")?.attempt == 0)
        try await f.expectBalance()
        #expect(try await f.store.discard("c") == .changed)
        #expect(try await f.store.job("c") == nil)
        #expect(try await f.take(session, 9, from: 20).map(\.id) == ["d"])
        #expect(try await f.store.discard("d") == .state(.running))
        let census = try await f.store.census(f.queue)
        #expect(census.discarded == 1 && census.difference == 0)
    }

    @Test(arguments: StoreUnderTest.allCases)
    func pauseStopsClaimsOnly(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue([f.job("a"), f.job("b")])
        let session = try await f.open(1)
        let claims = try await f.take(session, 1, from: 1)
        try await f.store.pause(f.queue)
        let reply = try await f.store.exchange(
            Exchange(
                queue: f.queue, session: session,
                settlements: [Settlement(claims[0], .done(result: nil, code: nil, message: ""))], take: 5, firstSlot: 2)
        )
        #expect(reply.isPaused && reply.claims.isEmpty && reply.waiting == 1)
        #expect(try await f.state("a") == .succeeded)
        #expect(try await f.store.queues()[0].isPaused)
        try await f.store.resume(f.queue)
        #expect(try await f.take(session, 5, from: 3).map(\.id) == ["b"])
    }

    @Test(arguments: StoreUnderTest.allCases)
    func pruningForgetsInSteps(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue((0..<3).map { f.job("j\($0)") })
        let session = try await f.open(1)
        let claims = try await f.take(session, 2, from: 1)
        _ = try await f.take(
            session, 0, from: 9,
            settle: [
                Settlement(claims[0], .done(result: nil, code: nil, message: "")),
                Settlement(claims[1], .dead(code: "x", message: "y")),
            ])
        #expect(try await f.store.cancel("j2") == .changed)
        #expect(try await f.store.prune(done: .seconds(60), dead: .seconds(60)) == 0)
        try await Task.sleep(for: .milliseconds(2))
        #expect(try await f.store.prune(done: .zero, dead: .zero) == 3)
        #expect(try await f.store.job("j0") == nil)
        #expect(try await f.store.job("j1") == nil)
        // Still in the list as a tombstone.
        #expect(try await f.state("j2") == .cancelled)
        try await f.expectBalance()
        #expect(try await f.take(session, 9, from: 20).isEmpty)
        try await f.expectBalance()
    }

    @Test(arguments: StoreUnderTest.allCases)
    func listingsPageByPositionWithFilters(_ which: StoreUnderTest) async throws {
        let f = try await StoreCase(which)
        _ = try await f.store.enqueue((0..<25).map { f.job("j\($0)", kind: $0 % 5 == 0 ? "rare" : "noop") })
        let session = try await f.open(1)
        _ = try await f.take(session, 3, from: 1)
        var ids: [String] = []
        var cursor: String?
        repeat {
            let page = try await f.store.jobs(JobFilter(queue: f.queue), cursor: cursor, limit: 10)
            #expect(page.jobs.count <= 10)
            ids += page.jobs.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(ids == (0..<25).map { "j\($0)" })
        let rare = try await f.store.jobs(
            JobFilter(state: .queued, kind: "rare", queue: f.queue), cursor: nil, limit: 200)
        #expect(rare.jobs.map(\.id) == ["j5", "j10", "j15", "j20"] && rare.nextCursor == nil)
        let running = try await f.store.jobs(JobFilter(state: .running), cursor: nil, limit: 200)
        #expect(running.jobs.map(\.id) == ["j0", "j1", "j2"])
        await #expect(throws: StoreError.self) {
            try await f.store.jobs(JobFilter(state: .dead), cursor: "x.y.1", limit: 5)
        }
    }
}
