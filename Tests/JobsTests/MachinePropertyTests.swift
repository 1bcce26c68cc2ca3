import Testing

@testable import Jobs

/// The pool's small machines as plain values under random events.
@Suite struct MachinePropertyTests {
    typealias Instant = ContinuousClock.Instant

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func aLeaseIsBeatenInTimeOrLostOnce(_ seed: UInt64) {
        var random = Generator(seed: seed)
        let lease = Duration.seconds(15)
        var machine = LeaseState()
        var now = Instant.now
        machine.opened(at: now)
        var (held, lastTry, beatSent, isLost) = (now, now, Instant?.none, false)
        for _ in 0..<2000 {
            now += .milliseconds(Int.random(in: 1...700, using: &random))
            if let sent = beatSent, Int.random(in: 0..<4, using: &random) == 0 {
                if Int.random(in: 0..<3, using: &random) > 0 {
                    machine.beaten(at: sent)
                    // As the pool does it: an answer after the loss belongs to a session that is gone.
                    held = sent
                    isLost = false
                } else {
                    machine.failed()
                }
                beatSent = nil
            }
            switch machine.look(now, lease) {
            case .nothing:
                #expect(isLost || now - held < lease, "seed \(seed): kept beyond its end")
                let isDue = beatSent == nil && now - lastTry >= lease / 3 && !isLost
                // After an answer the next beat counts from when the answered one was sent.
                #expect(!isDue || now - held < lease / 3, "seed \(seed): a beat is due")
            case .beat:
                #expect(beatSent == nil && !isLost, "seed \(seed): one beat at a time")
                #expect(now - lastTry >= lease / 3, "seed \(seed): a beat too early")
                machine.beating()
                beatSent = now
                lastTry = now
            case .lost:
                #expect(now - held >= lease && !isLost, "seed \(seed): lost too early, or twice")
                isLost = true
                if Bool.random(using: &random) {
                    machine.opened(at: now)
                    (held, lastTry, beatSent, isLost) = (now, now, nil, false)
                }
            }
        }
    }

    @Test func aLeaseWhoseBeatsAreAnsweredIsNeverLost() {
        var random = Generator(seed: 7)
        let lease = Duration.seconds(3)
        var machine = LeaseState()
        var now = Instant.now
        machine.opened(at: now)
        for _ in 0..<5000 {
            now += .milliseconds(Int.random(in: 1...250, using: &random))
            let action = machine.look(now, lease)
            #expect(action != .lost)
            if action == .beat {
                machine.beating()
                let sent = now
                now += .milliseconds(Int.random(in: 1...1500, using: &random))
                machine.beaten(at: sent)
            }
        }
    }

    @Test func retryDelaysStayInTheUpperHalfForAnyPolicy() {
        var random = Generator(seed: 11)
        for _ in 0..<500 {
            var policy = RetryPolicy()
            policy.base = .milliseconds(Int.random(in: 1...100_000, using: &random))
            policy.factor = Double.random(in: 1...4, using: &random)
            policy.cap = .milliseconds(Int.random(in: 1...10_000_000, using: &random))
            var before = Duration.zero
            for attempt in [1, 2, 3, 5, 10, 63, 64, 65, 1_000_000] {
                let delay = policy.delay(attempt: attempt, using: &random)
                #expect(delay > .zero && delay <= policy.cap)
                // Half of a later ceiling is at least half of an earlier one.
                #expect(delay * 2.000001 >= before, "\(policy) attempt \(attempt)")
                before = min(delay, policy.cap)
            }
        }
    }

    @Test func aJobIsDeadAfterItsLastRunAndNeverBefore() {
        struct None: Decodable {}
        var random = Generator(seed: 13)
        for _ in 0..<2000 {
            let most = Int.random(in: 1...12, using: &random)
            let own = Bool.random(using: &random) ? Int.random(in: 1...12, using: &random) : nil
            let attempt = Int.random(in: 1...14, using: &random)
            let kind = Kind.single("k", maxAttempts: most, arguments: None.self) { _, _, _ in .done() }
            let claim = Claim(id: "a", kind: "k", queue: "q", args: [], attempt: attempt, maxAttempts: own)
            let message = String(repeating: "长", count: Int.random(in: 0...2000, using: &random))
            let failed = Verdict.change(
                for: .retry(code: "c", message: message), of: claim, kind: kind, using: &random)
            switch failed {
            case .dead(let code, let text):
                #expect(attempt >= own ?? most && code == "c" && text.count <= 1000)
            case .retry(let delay, let code, let text):
                #expect(attempt < own ?? most && code == "c" && text.count <= 1000)
                #expect(delay > .zero && delay <= kind.retryPolicy.cap)
            default:
                Issue.record("\(failed)")
            }
            // Nobody's fault is never the end.
            let snoozed = Verdict.change(for: .snooze(for: .seconds(1)), of: claim, kind: kind, using: &random)
            #expect(snoozed == .snooze(for: .seconds(1)))
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func runsAreCancelledOnceAndReportedStuckOnce(_ seed: UInt64) {
        var random = Generator(seed: seed)
        var table = RunTable()
        var now = Instant.now
        var (live, stuck) = ([Int: RunState](), Set<String>())
        for step in 0..<1500 {
            now += .milliseconds(Int.random(in: 0...400, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let state = RunState(deadline: now + .milliseconds(Int.random(in: 0...4000, using: &random)))
                let claim = Claim(id: "j\(step)", kind: "k", queue: "q", args: [])
                let number = table.insert(
                    .init(kind: "k", claims: [claim], queue: 0, session: step % 3, state: state, task: nil))
                #expect(live[number] == nil)
                live[number] = state
            case 2:
                if let number = live.keys.sorted().randomElement(using: &random) {
                    #expect(table.remove(number)?.state === live.removeValue(forKey: number))
                    #expect(table.remove(number) == nil)
                }
            case 3:
                let id = "j\(Int.random(in: 0...step, using: &random))"
                table.cancel([Cancellation(queue: "q", slot: 0, id: id)])
            default:
                let late = live.values.filter { $0.stop == nil && $0.deadline <= now }
                for run in table.overdue(now, stuckAfter: .seconds(2)) {
                    #expect(stuck.insert(run.claims[0].id).inserted, "seed \(seed): reported twice")
                    #expect(run.state.stop != nil)
                }
                #expect(late.allSatisfy { $0.stop == .timeout })
                #expect(live.values.allSatisfy { $0.stop != nil || $0.deadline > now })
            }
        }
        table.cancelAll(.drain)
        #expect(live.values.allSatisfy { $0.stop != nil })
    }

    @Test func aTickFiresTheLatestDueTimeAndOnlyThat() throws {
        var random = Generator(seed: 17)
        let zones = try ["Asia/Shanghai", "Europe/Berlin", "America/New_York"].map { try #require(ScheduleZone($0)) }
        let crons = ["*/7 * * * *", "5 0 * * *", "0 9-17/2 * * 1-5", "30 2 * * *", "15 */6 1,15 * *", "@hourly"]
        for _ in 0..<300 {
            let catchUp = Bool.random(using: &random)
            let schedule = try Schedule(
                name: "s", cron: #require(crons.randomElement(using: &random)),
                zone: #require(zones.randomElement(using: &random)), kind: "k", catchUp: catchUp)
            // Around a change of the clocks as well as not.
            let last = 1_774_000_000_000 + Int.random(in: 0...1_000_000_000, using: &random)
            let now = last + Int.random(in: 0...200_000_000, using: &random)
            var latest: Int?
            var next = schedule.cron.next(after: last, in: schedule.zone)
            while let fire = next, fire <= now {
                #expect(fire > latest ?? last)
                latest = fire
                next = schedule.cron.next(after: fire, in: schedule.zone)
            }
            let tick = ScheduleTick(schedule, last: last, now: now)
            #expect(tick?.fireAt == latest, "\(schedule.expression) from \(last) to \(now)")
            if let tick {
                #expect(tick.enqueues == (catchUp || now - tick.fireAt <= ScheduleTick.tolerance))
                // Written, it does not fire again.
                #expect(ScheduleTick(schedule, last: tick.fireAt, now: now) == nil)
            }
        }
    }
}
