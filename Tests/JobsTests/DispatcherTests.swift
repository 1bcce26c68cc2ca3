import Testing

@testable import Jobs

@Suite struct DispatcherTests {
    let start = ContinuousClock.now

    func opened(_ concurrency: Int = 64, _ weights: [Int] = [1]) -> (Dispatcher, [Dispatcher.Action]) {
        var d = Dispatcher(concurrency: concurrency, weights: weights, now: start)
        #expect(d.tick(now: start) == [.open(session: 1, predecessor: nil)])
        let actions = d.opened(session: 1, now: start)
        return (d, actions)
    }

    func reply(_ count: Int, waiting: Int = 0, suspects: Int = 0, paused: Bool = false, from: Int = 0) -> ExchangeReply
    {
        ExchangeReply(
            claims: (0..<count).map { Claim(id: "j\(from + $0)", kind: "k", queue: "q", args: [], slot: from + $0) },
            isPaused: paused, waiting: waiting, suspects: suspects)
    }

    func takes(_ actions: [Dispatcher.Action]) -> [Int: Int] {
        var result: [Int: Int] = [:]
        for case .exchange(let queue, _, _, _, let take, _) in actions { result[queue] = take }
        return result
    }

    @Test func claimsOnlyForFreeSlotsAndGrows() {
        var (d, actions) = opened(10)
        #expect(takes(actions) == [0: 1])
        actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 1000), now: start)
        #expect(takes(actions) == [0: 9])
        actions = d.replied(queue: 0, session: 1, lane: .ready, take: 9, reply(9, waiting: 900, from: 1), now: start)
        #expect(takes(actions) == [:] && !actions.contains(.peek(queue: 0)))
        let settlements = reply(8).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
        actions = d.finished(queue: 0, session: 1, jobs: 8, settlements, trouble: false, now: start)
        // The acknowledgements ride on the claim.
        #expect(
            actions == [
                .exchange(queue: 0, session: 1, .ready, settlements: settlements, take: 8, firstSlot: 11)
            ])
    }

    @Test func underLoadFreeSlotsWaitAMomentForCompany() {
        var (d, _) = opened(64)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 1000), now: start)
        var actions = d.replied(
            queue: 0, session: 1, lane: .ready, take: 63, reply(63, waiting: 900, from: 1), now: start)
        #expect(takes(actions) == [:])
        let done = reply(64).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
        actions = d.finished(queue: 0, session: 1, jobs: 1, [done[0]], trouble: false, now: start)
        #expect(actions.contains(.wake(at: start + .microseconds(960))) && takes(actions) == [:])
        // All at once: no alternation of one here and the rest there.
        var all = d
        actions = all.finished(queue: 0, session: 1, jobs: 63, Array(done.dropFirst()), trouble: false, now: start)
        #expect(takes(actions) == [0: 64])
        // The others take long: it does not wait for them.
        actions = d.tick(now: start + .microseconds(960))
        #expect(takes(actions) == [0: 1])
    }

    @Test func withLittleWaitingNoSlotWaits() {
        var (d, _) = opened(64)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 1000), now: start)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 63, reply(63, waiting: 5, from: 1), now: start)
        let done = reply(10).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
        let actions = d.finished(queue: 0, session: 1, jobs: 10, done, trouble: false, now: start)
        #expect(takes(actions) == [0: 3])
    }

    @Test func anAcknowledgementWaitsFiveMillisecondsForCompany() {
        var (d, _) = opened(4)
        var actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1), now: start)
        #expect(actions.contains(.peek(queue: 0)))
        let settlement = Settlement(reply(1).claims[0], .done(result: nil, code: nil, message: ""))
        actions = d.finished(queue: 0, session: 1, jobs: 1, [settlement], trouble: false, now: start)
        #expect(actions == [.wake(at: start + .milliseconds(5))])
        actions = d.tick(now: start + .milliseconds(5))
        #expect(takes(actions) == [0: 0])
    }

    @Test func onePeekAndOnlyWhileEmptyUnpausedAndFree() {
        var (d, _) = opened(1)
        var actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0), now: start)
        #expect(actions == [.peek(queue: 0)])
        #expect(d.tick(now: start).isEmpty)
        actions = d.peeked(queue: 0, found: true, now: start)
        #expect(takes(actions) == [0: 1])
        // The only slot is taken: no peek.
        actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1), now: start)
        #expect(!actions.contains(.peek(queue: 0)))
        // Paused: no peek, another look after a second.
        var (p, _) = opened(1)
        actions = p.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0, waiting: 5, paused: true), now: start)
        #expect(actions == [.wake(at: start + .seconds(1))])
        #expect(takes(p.tick(now: start + .seconds(1))) == [0: 1])
        // Peek failed: another look after a second.
        var (f, _) = opened(1)
        _ = f.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0), now: start)
        #expect(f.peeked(queue: 0, found: nil, now: start) == [.wake(at: start + .seconds(1))])
    }

    @Test func aSuspectThatComesToAnIdleQueueIsFound() {
        var (d, _) = opened(4)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0), now: start)
        // No peek sees the suspects' list: a look when its time is over does.
        #expect(takes(d.peeked(queue: 0, found: false, now: start)) == [0: 1])
        let actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0, suspects: 1), now: start)
        #expect(actions.contains { if case .exchange(_, _, .suspect, _, 1, _) = $0 { true } else { false } })
    }

    @Test func sharesByWeightAndStarvesNobody() {
        var (d, actions) = opened(10, [6, 3, 1])
        var taken = [0, 0, 0]
        var pending: [(queue: Int, take: Int)] = takes(actions).map { ($0.key, $0.value) }
        // Every queue is always full; handlers end at once.
        for _ in 0..<3000 {
            guard !pending.isEmpty else { break }
            let (queue, take) = pending.removeFirst()
            taken[queue] += take
            actions = d.replied(
                queue: queue, session: 1, lane: .ready, take: take, reply(take, waiting: 100_000), now: start)
            pending += takes(actions).map { ($0.key, $0.value) }
            let done = reply(take).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
            actions = d.finished(queue: queue, session: 1, jobs: take, done, trouble: false, now: start)
            pending += takes(actions).map { ($0.key, $0.value) }
            #expect(d.running + d.reserved <= 10)
        }
        let total = Double(taken.reduce(0, +))
        #expect(abs(Double(taken[0]) / total - 0.6) < 0.1, "\(taken)")
        #expect(abs(Double(taken[2]) / total - 0.1) < 0.1, "\(taken)")
    }

    @Test func whoWasIdleHasNoClaimOnWhatItMissed() {
        var (d, _) = opened(1, [1, 1])
        var (taken, number) = ([0, 0], 0)
        func serve(_ queue: Int, waiting: Int) -> [Dispatcher.Action] {
            number += 1
            _ = d.replied(
                queue: queue, session: 1, lane: .ready, take: 1, reply(1, waiting: waiting, from: number), now: start)
            taken[queue] += 1
            let done = reply(1, from: number).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
            return d.finished(queue: queue, session: 1, jobs: 1, done, trouble: false, now: start)
        }
        // The second queue is empty for a thousand jobs of the first.
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0, waiting: 5000), now: start)
        _ = d.tick(now: start)
        d.queues[1].waiting = 0
        for _ in 0..<1000 { d.queues[0].pass += 1 }
        d.floor = d.queues[0].pass
        d.queues[1].isPeeking = true
        var actions = d.peeked(queue: 1, found: true, now: start)
        for _ in 0..<100 {
            guard let queue = takes(actions).keys.first ?? [0, 1].first(where: { d.queues[$0].isExchanging }) else {
                break
            }
            actions = serve(queue, waiting: 5000)
        }
        #expect(taken[0] > 30 && taken[1] > 30, "\(taken)")
    }

    @Test func aStoreThatRefusesAtOnceIsNotAskedAgainAtOnce() {
        var (d, _) = opened(2)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1), now: start)
        let done = reply(1).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
        _ = d.finished(queue: 0, session: 1, jobs: 1, done, trouble: false, now: start)
        var actions = d.stop(now: start)
        #expect(takes(actions) == [0: 0])
        actions = d.exchangeFailed(
            queue: 0, session: 1, take: 0, settlements: done, sessionLost: false, now: start)
        #expect(takes(actions) == [:])
        #expect(takes(d.tick(now: start + .seconds(3))) == [0: 0])
    }

    @Test func aQueueThatWakesGetsTheSlotsThatComeFree() {
        var (d, actions) = opened(10, [9, 1])
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(0), now: start)
        actions = d.replied(queue: 1, session: 1, lane: .ready, take: 1, reply(1, waiting: 500), now: start)
        #expect(takes(actions) == [1: 9])
        actions = d.replied(queue: 1, session: 1, lane: .ready, take: 9, reply(9, waiting: 500), now: start)
        #expect(takes(actions).isEmpty)
        // The heavy queue has work now; every slot is the light one's.
        #expect(takes(d.peeked(queue: 0, found: true, now: start)).isEmpty)
        let done = reply(3).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
        actions = d.finished(queue: 1, session: 1, jobs: 3, done, trouble: false, now: start)
        #expect(takes(actions) == [0: 1])
        actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 500), now: start)
        #expect(takes(actions) == [0: 2])
    }

    @Test func aLostSessionCancelsAndNamesItself() {
        var (d, _) = opened(8)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 50), now: start)
        let lost = d.exchangeFailed(queue: 0, session: 1, take: 7, settlements: [], sessionLost: true, now: start)
        #expect(lost == [.cancelHandlers(session: 1), .open(session: 2, predecessor: 1)])
        // A late end of the old session's handler frees its slot and acknowledges nothing.
        let settlement = Settlement(reply(1).claims[0], .done(result: nil, code: nil, message: ""))
        _ = d.finished(queue: 0, session: 1, jobs: 1, [settlement], trouble: false, now: start)
        let actions = d.opened(session: 2, now: start)
        #expect(actions == [.exchange(queue: 0, session: 2, .ready, settlements: [], take: 1, firstSlot: 9)])
        #expect(d.running == 0 && d.reserved == 1)
    }

    @Test func aFailureThatDidNotRunKeepsTheAcknowledgements() {
        var (d, _) = opened(8)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 50), now: start)
        let settlement = Settlement(reply(1).claims[0], .done(result: nil, code: nil, message: ""))
        _ = d.finished(queue: 0, session: 1, jobs: 1, [], trouble: false, now: start)
        let actions = d.exchangeFailed(
            queue: 0, session: 1, take: 7, settlements: [settlement], sessionLost: false, now: start)
        #expect(takes(actions).isEmpty)
        let later = d.tick(now: start + .milliseconds(200))
        #expect(later == [.exchange(queue: 0, session: 1, .ready, settlements: [settlement], take: 1, firstSlot: 9)])
    }

    @Test func troublePausesClaims() {
        var (d, _) = opened(8)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 0), now: start)
        let settlement = Settlement(reply(1).claims[0], .snooze(for: .seconds(1)))
        var actions = d.finished(queue: 0, session: 1, jobs: 1, [settlement], trouble: true, now: start)
        #expect(actions.contains(.wake(at: start + .milliseconds(100))) && takes(actions).isEmpty)
        actions = d.tick(now: start + .milliseconds(6))
        #expect(takes(actions) == [0: 0])
    }

    @Test func drainsThenEnds() {
        var (d, _) = opened(8)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 50), now: start)
        #expect(d.stop(now: start).isEmpty)
        // What was asked for before the stop goes back.
        var actions = d.replied(
            queue: 0, session: 1, lane: .ready, take: 7, reply(2, waiting: 40, from: 1), now: start)
        let returned = reply(2, from: 1).claims.map { Settlement($0, .release) }
        #expect(actions == [.exchange(queue: 0, session: 1, .ready, settlements: returned, take: 0, firstSlot: 9)])
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 0, reply(0, waiting: 42), now: start)
        let settlement = Settlement(reply(1).claims[0], .done(result: nil, code: nil, message: ""))
        actions = d.finished(queue: 0, session: 1, jobs: 1, [settlement], trouble: false, now: start)
        #expect(takes(actions) == [0: 0] && !actions.contains(.drained))
        actions = d.replied(queue: 0, session: 1, lane: .ready, take: 0, reply(0, waiting: 42), now: start)
        #expect(actions == [.drained])
    }

    @Test func suspectsRunOneAtATimeWithNothingElse() {
        var (d, _) = opened(8)
        var actions = d.replied(
            queue: 0, session: 1, lane: .ready, take: 1, reply(0, waiting: 10, suspects: 2), now: start)
        #expect(actions == [.exchange(queue: 0, session: 1, .suspect, settlements: [], take: 1, firstSlot: 2)])
        actions = d.replied(
            queue: 0, session: 1, lane: .suspect, take: 1, reply(1, waiting: 10, suspects: 1), now: start)
        #expect(takes(actions).isEmpty)
    }

    @Test func suspectsThatRunElsewhereAreLeftAlone() {
        var d = Dispatcher(concurrency: 8, weights: [1], suspects: .elsewhere, now: start)
        _ = d.tick(now: start)
        _ = d.opened(session: 1, now: start)
        var actions = d.replied(
            queue: 0, session: 1, lane: .ready, take: 1, reply(0, waiting: 10, suspects: 2), now: start)
        #expect(actions == [.exchange(queue: 0, session: 1, .ready, settlements: [], take: 5, firstSlot: 2)])
        // However long they wait, claims go on.
        actions = d.replied(
            queue: 0, session: 1, lane: .ready, take: 5, reply(5, waiting: 3, suspects: 2), now: start + .seconds(60))
        #expect(takes(actions) == [0: 2])
    }

    @Test func onlySuspectsOneAtATimeUntilThereAreNone() {
        var d = Dispatcher(concurrency: 1, weights: [1], suspects: .only, now: start)
        _ = d.tick(now: start)
        var actions = d.opened(session: 1, now: start)
        #expect(actions == [.exchange(queue: 0, session: 1, .suspect, settlements: [], take: 1, firstSlot: 1)])
        actions = d.replied(
            queue: 0, session: 1, lane: .suspect, take: 1, reply(1, waiting: 50, suspects: 1), now: start)
        #expect(actions == [.run(queue: 0, session: 1, reply(1).claims)])
        let settlement = Settlement(reply(1).claims[0], .done(result: nil, code: nil, message: ""))
        actions = d.finished(queue: 0, session: 1, jobs: 1, [settlement], trouble: false, now: start)
        #expect(
            actions == [.exchange(queue: 0, session: 1, .suspect, settlements: [settlement], take: 1, firstSlot: 2)])
        // What it took was cancelled, another waits.
        actions = d.replied(
            queue: 0, session: 1, lane: .suspect, take: 1, reply(0, waiting: 50, suspects: 1), now: start)
        #expect(takes(actions) == [0: 1])
        actions = d.replied(
            queue: 0, session: 1, lane: .suspect, take: 1, reply(0, waiting: 50, suspects: 0), now: start)
        #expect(actions == [.drained])
    }

    @Test func quietClaimsNothingAndAcknowledges() {
        var (d, _) = opened(8)
        _ = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 50), now: start)
        #expect(d.quiet(true, now: start).isEmpty)
        var actions = d.replied(queue: 0, session: 1, lane: .ready, take: 7, reply(0, waiting: 50), now: start)
        #expect(actions.isEmpty)
        let settlement = Settlement(reply(1).claims[0], .done(result: nil, code: nil, message: ""))
        actions = d.finished(queue: 0, session: 1, jobs: 1, [settlement], trouble: false, now: start)
        #expect(actions == [.wake(at: start + .milliseconds(5))])
        actions = d.tick(now: start + .milliseconds(5))
        #expect(takes(actions) == [0: 0])
        actions = d.replied(queue: 0, session: 1, lane: .ready, take: 0, reply(0, waiting: 50), now: start)
        #expect(actions.isEmpty)
        #expect(takes(d.quiet(false, now: start)) == [0: 8])
    }

    @Test func queuesComeChangeAndGo() {
        var (d, _) = opened(10, [1])
        var actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, reply(1, waiting: 100), now: start)
        #expect(takes(actions) == [0: 9])
        // A new one is claimed from once the session covers it.
        #expect(takes(d.reweigh([1, 9], now: start)).isEmpty)
        #expect(d.needsExtension)
        #expect(takes(d.extended(session: 9, now: start)).isEmpty && d.needsExtension)
        let done = reply(1).claims.map { Settlement($0, .done(result: nil, code: nil, message: "")) }
        _ = d.finished(queue: 0, session: 1, jobs: 1, done, trouble: false, now: start)
        #expect(takes(d.extended(session: 1, now: start)) == [1: 1])
        #expect(!d.needsExtension)
        // Its jobs are in hand when it goes: they are settled, nothing more is claimed or looked for.
        _ = d.replied(queue: 1, session: 1, lane: .ready, take: 1, reply(1, waiting: 50), now: start)
        _ = d.reweigh([1, nil], now: start)
        actions = d.finished(queue: 1, session: 1, jobs: 1, done, trouble: false, now: start)
        #expect(takes(actions)[1] == nil)
        actions = d.tick(now: start + .milliseconds(5))
        #expect(takes(actions)[1] == 0)
        actions = d.replied(queue: 1, session: 1, lane: .ready, take: 0, reply(0, waiting: 50), now: start)
        #expect(takes(actions)[1] == nil && !actions.contains(.peek(queue: 1)))
        // Back again, it is covered still.
        actions = d.reweigh([1, 5], now: start)
        #expect(takes(actions)[1] ?? 0 > 0 && !d.needsExtension)
        // A session that is to be opened covers all there are.
        _ = d.lost(session: 1, now: start)
        _ = d.reweigh([1, 5, 2], now: start)
        _ = d.opened(session: 2, now: start)
        #expect(d.needsExtension, "it was on its way when the third came")
    }

    @Test func latenessIsTheWorstOfTheLastLooksAndOfTheOneThatIsDue() {
        var lateness = Lateness(interval: .milliseconds(250))
        #expect(lateness.worst(start) == .zero && lateness.overdue(start + .seconds(9)) == .zero)
        lateness.note(due: start, now: start + .milliseconds(30))
        #expect(lateness.worst(start + .milliseconds(30)) == .milliseconds(30))
        #expect(lateness.worst(start + .milliseconds(2280)) == .seconds(2))
        #expect(lateness.overdue(start + .milliseconds(2280)) == .seconds(2))
        for look in 1...60 {
            let due = start + .milliseconds(250 * look)
            lateness.note(due: due, now: due)
        }
        #expect(lateness.worst(start + .milliseconds(250 * 60)) == .zero, "the first is forgotten")
        lateness.end()
        #expect(lateness.overdue(start + .seconds(99)) == .zero)
    }

    @Test func aProcessForEachQueueWithSuspects() {
        func view(_ name: String, _ suspects: Int, isPaused: Bool = false) -> QueueView {
            QueueView(
                name: name, isPaused: isPaused, depth: suspects, oldestAge: .zero, running: 0, rate: 0,
                suspects: suspects, delayed: 0, dead: 0)
        }
        var plan = SuspectPlan()
        let views = [view("a", 2), view("b", 0), view("c", 1, isPaused: true), view("d", 1)]
        #expect(plan.starts(views, now: start) == ["a", "d"])
        #expect(plan.starts(views, now: start) == [])
        plan.ended("a", .exited(0), now: start)
        #expect(plan.starts(views, now: start) == ["a"])
        // Suspects that stay where they are, since their kind has no room, are visited less and less often.
        plan.ended("a", .exited(0), now: start)
        #expect(plan.starts(views, now: start) == [])
        #expect(plan.starts(views, now: start + .seconds(1)) == ["a"])
        // One that cannot start is tried less and less often, one that its suspect killed soon again.
        plan.ended("a", nil, now: start)
        #expect(plan.starts(views, now: start) == [])
        #expect(plan.starts(views, now: start + .seconds(1)) == ["a"])
        for _ in 0..<9 { plan.ended("a", .exited(78), now: start) }
        #expect(plan.starts(views, now: start + .seconds(59)) == [])
        #expect(plan.starts(views, now: start + .seconds(60)) == ["a"])
        plan.ended("a", .signalled(9), now: start)
        #expect(plan.starts(views, now: start + .seconds(4)) == ["a"])
        plan.ended("a", .exited(0), now: start)
        plan.isQuiet = true
        #expect(plan.starts(views, now: start) == [])
    }

    @Test func aLeaseThatIsNotBeatenIsLost() {
        var lease = LeaseState()
        lease.opened(at: start)
        #expect(lease.look(start + .seconds(4), .seconds(15)) == .nothing)
        #expect(lease.look(start + .seconds(5), .seconds(15)) == .beat)
        lease.beating()
        #expect(lease.look(start + .seconds(11), .seconds(15)) == .nothing)
        lease.beaten(at: start + .seconds(5))
        #expect(lease.look(start + .seconds(11), .seconds(15)) == .beat)
        lease.failed()
        #expect(lease.look(start + .seconds(19), .seconds(15)) == .beat)
        #expect(lease.look(start + .seconds(20), .seconds(15)) == .lost)
        #expect(lease.look(start + .seconds(21), .seconds(15)) == .nothing)
    }
}
