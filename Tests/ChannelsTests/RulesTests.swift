import Channels
import Testing

@Suite struct RulesTests {
    @Test("18 in any 60 s, one a second")
    func window() {
        var window = RateWindow()
        var now: Int64 = 1_000_000
        var sent: [Int64] = []
        for _ in 0..<100 {
            now = window.nextFree(at: now)
            window.record(now)
            sent.append(now)
        }
        for (index, time) in sent.enumerated() {
            #expect(sent.count { $0 > time - 60_000 && $0 <= time } <= 18)
            if index > 0 { #expect(time - sent[index - 1] >= 1000) }
        }
        #expect(sent[17] == 1_017_000 && sent[18] == 1_060_000)
    }

    @Test("a window read back from the table goes on where it was, and a pause holds everything")
    func restart() {
        var window = RateWindow(sent: (0..<18).map { 100_000 + $0 * 100 }.reversed())
        #expect(window.freeTokens(at: 102_000) == 0)
        #expect(window.nextFree(at: 102_000) == 160_000)
        #expect(window.freeTokens(at: 160_000) == 1)
        window.pause(until: 500_000)
        window.pause(until: 400_000)
        #expect(window.nextFree(at: 200_000) == 500_000)
        #expect(window.isPaused(at: 499_999) && !window.isPaused(at: 500_000))
    }

    private func waiting(_ id: Int64, since: Int64 = 0, urgent: Bool = false, audience: String = "", bytes: Int = 100)
        -> DigestPlan.Waiting
    {
        DigestPlan.Waiting(delivery: id, since: since, isUrgent: urgent, audience: audience, bytes: bytes)
    }

    private func next(
        _ queue: [DigestPlan.Waiting], at now: Int64, sent: [Int64] = [], paused: Int64 = 0, wasPaused: Bool = false,
        budget: Int = 1000, merges: Bool = true
    ) -> DigestPlan.Step {
        DigestPlan.next(
            queue, window: RateWindow(sent: sent, pausedUntil: paused), now: now, wasPaused: wasPaused, budget: budget,
            merges: merges)
    }

    @Test("the tick rules of digests")
    func tick() {
        #expect(next([], at: 0) == .wait(until: nil))
        #expect(next([waiting(1)], at: 4999) == .wait(until: 5000))
        #expect(next([waiting(1)], at: 5000) == .single(1))
        #expect(next([waiting(1, since: 9000)], at: 9000, merges: false) == .single(1))
        #expect(next([waiting(1), waiting(2, since: 4000)], at: 4999) == .wait(until: 5000))
        #expect(next([waiting(1), waiting(2, since: 4000)], at: 5000) == .digest([1, 2]))
        #expect(next([waiting(1), waiting(2, urgent: true)], at: 10) == .single(2))
        #expect(next([waiting(1), waiting(2)], at: 10, wasPaused: true) == .digest([1, 2]))
        #expect(next([waiting(1), waiting(2)], at: 90_000, paused: 90_001) == .wait(until: 90_001))
        let busy = (0..<15).map { 100_000 + $0 * 1000 } as [Int64]
        #expect(
            next([waiting(1, since: 116_000), waiting(2, since: 116_000)], at: 116_000, sent: busy) == .digest([1, 2]))
        #expect(
            next([waiting(1, since: 116_000), waiting(2, since: 116_000)], at: 116_000, sent: busy.dropLast())
                == .wait(until: 121_000))
        let full = (0..<18).map { 100_000 + $0 * 1000 } as [Int64]
        #expect(next([waiting(1), waiting(2)], at: 120_000, sent: full) == .wait(until: 160_000))
        #expect(next([waiting(1)], at: 100_500, sent: [100_000]) == .wait(until: 101_000))
    }

    @Test("a digest takes the first audience, in order, within the budget, at least one")
    func choice() {
        let queue = [waiting(1, audience: "a"), waiting(2, audience: "b"), waiting(3, audience: "a")]
        #expect(next(queue, at: 9000) == .digest([1, 3]))
        #expect(next((1...20).map { waiting($0) }, at: 9000, budget: 350) == .digest([1, 2, 3]))
        #expect(next([waiting(1, bytes: 5000), waiting(2)], at: 9000) == .single(1))
        #expect(next([waiting(1, audience: "a"), waiting(2, audience: "b")], at: 9000) == .single(1))
    }

    @Test("300 messages to one robot go out as few digests, none lost, never over 18 a minute")
    func burst() {
        var queue = (0..<300).map { waiting($0, bytes: 60) }
        var window = RateWindow()
        var now: Int64 = 0
        var sent: [[Int64]] = []
        while !queue.isEmpty {
            switch next(queue, at: now, window: window) {
            case .wait(let until): now = until ?? now
            case .single(let id): sent.append([id])
            case .digest(let ids): sent.append(ids)
            }
            if let last = sent.last, queue.contains(where: { $0.delivery == last[0] }) {
                queue.removeAll { last.contains($0.delivery) }
                window.record(now)
            }
        }
        #expect(sent.flatMap(\.self) == Array(0..<300))
        #expect(sent.count <= 12 && now < 60_000)
    }

    private func next(_ queue: [DigestPlan.Waiting], at now: Int64, window: RateWindow) -> DigestPlan.Step {
        DigestPlan.next(queue, window: window, now: now, budget: 1800)
    }

    @Test("bisecting ends with the poison item alone, everything else sent")
    func bisect() {
        var work: [[Int64]] = [Array(0..<37)]
        var delivered: [Int64] = []
        var dead: [Int64] = []
        while let part = work.popLast() {
            guard part.contains(23) else {
                delivered += part
                continue
            }
            switch DigestPlan.bisect(part) {
            case .halves(let a, let b): work += [a, b]
            case .dead(let id): dead.append(id)
            }
        }
        #expect(dead == [23])
        #expect(delivered.sorted() == (0..<37).filter { $0 != 23 })
    }

    @Test("nine attempts with their steps, ± 20 %")
    func backoff() {
        var random = SystemRandomNumberGenerator()
        let steps: [Int64] = [5, 30, 120, 600, 1800, 3600, 7200, 14_400]
        for (index, step) in steps.enumerated() {
            for _ in 0..<50 {
                guard case .again(let at) = decide(index + 1, &random) else {
                    Issue.record("attempt \(index + 1) is dead")
                    continue
                }
                #expect(at >= step * 800 && at <= step * 1200)
            }
        }
        let ends = [
            decide(9, &random), decide(3, limit: 3, &random), decide(1, expiresAt: 3000, &random),
        ]
        #expect(ends == [.dead(.attempts), .dead(.attempts), .dead(.expired)])
    }

    @Test("Retry-After replaces the step, between 1 s and 1 h, never earlier than asked")
    func retryAfter() {
        var random = SystemRandomNumberGenerator()
        for (asked, least) in [(0, 1), (7, 7), (3600, 3600), (999_999, 3600)] {
            guard case .again(let at) = decide(1, after: .seconds(asked), &random) else {
                Issue.record("dead")
                continue
            }
            #expect(at >= least * 1000 && at <= least * 1200)
        }
    }

    private func decide(
        _ attempt: Int, after: Duration? = nil, limit: Int? = nil, expiresAt: Int64? = nil,
        _ random: inout SystemRandomNumberGenerator
    ) -> DeliveryBackoff.Decision {
        DeliveryBackoff().decide(
            attempt: attempt, after: after, limit: limit, now: 0, expiresAt: expiresAt, using: &random)
    }

    @Test("the breaker opens on wrong settings, probes every 10 minutes, and with wrong credentials never")
    func breaker() {
        var breaker = Breaker()
        var admitted = [breaker.admits(at: 0)]
        var changed = [breaker.record(.permanent(kind: .config, code: "93000", hint: "h"), at: 0)]
        for time in [599_999, 600_000, 600_001] as [Int64] { admitted.append(breaker.admits(at: time)) }
        changed.append(breaker.record(.permanent(kind: .config, code: "93000", hint: "h"), at: 600_001))
        changed.append(breaker.record(.delivered(id: nil), at: 1_200_001))
        admitted.append(breaker.admits(at: 1_200_002))
        changed.append(breaker.record(.permanent(kind: .credentials, code: "535", hint: "h"), at: 0))
        admitted.append(breaker.admits(at: .max))
        changed.append(breaker.record(.retry(after: nil, why: .init(code: "x", text: "")), at: 1))
        changed.append(breaker.record(.delivered(id: nil), at: 2))
        #expect(admitted == [true, false, true, false, true, false])
        #expect(changed == [true, false, true, true, false, true])
    }

    @Test("what an outcome means for the row")
    func decisions() {
        let why = Outcome.Why(code: "c", text: "t")
        #expect(rule(.delivered(id: nil)).status == .sent)
        let limited = rule(.rateLimited(key: "k", until: 65_000, why: why))
        #expect(
            limited.status == .retry && limited.nextAt == 65_000 && !limited.countsAttempt && limited.pause?.key == "k")
        let held = rule(.permanent(kind: .config, code: "93000", hint: "h"))
        #expect(held.status == .held && !held.countsAttempt && held.hint == "h")
        let gone = rule(.permanent(kind: .recipient, code: "550", hint: "h"))
        #expect(gone.status == .dead && gone.suppressesRecipient && !gone.splits)
        #expect(rule(.permanent(kind: .content, code: "40058", hint: "h")).splits)
        #expect(rule(.retry(after: nil, why: why)).status == .retry)
        #expect(rule(.retry(after: nil, why: why), attempt: 9).status == .dead)
        #expect(rule(.ambiguous(why: why), policy: .retryOnce).status == .retry)
        #expect(rule(.ambiguous(why: why), policy: .retryOnce, wasAmbiguous: true).status == .ambiguous)
        #expect(rule(.ambiguous(why: why), policy: .retry, wasAmbiguous: true).status == .retry)
        #expect(rule(.ambiguous(why: why), policy: .hold).status == .held)
        let token = rule(.tokenRejected)
        #expect(token.status == .retry && token.nextAt == 0 && !token.countsAttempt)
    }

    private func rule(
        _ outcome: Outcome, attempt: Int = 1, policy: AmbiguousPolicy = .retry, wasAmbiguous: Bool = false
    ) -> DeliveryRules.Decision {
        var random = SystemRandomNumberGenerator()
        return DeliveryRules.decide(
            outcome, attempt: attempt, wasAmbiguous: wasAmbiguous, policy: policy, now: 0, expiresAt: nil,
            using: &random)
    }

    @Test("quiet hours over midnight and within a day")
    func quiet() {
        #expect(QuietHours("22:00-08:00")?.remaining(at: 23 * 60) == 540)
        #expect(QuietHours("22:00-08:00")?.remaining(at: 0) == 480)
        #expect(QuietHours("22:00-08:00")?.remaining(at: 480) == nil)
        #expect(QuietHours("12:00-14:00")?.remaining(at: 750) == 90)
        #expect(QuietHours("12:00-14:00")?.remaining(at: 840) == nil)
        #expect(QuietHours("18:00-24:00")?.remaining(at: 1439) == 1)
        for wrong in ["", "22:00", "22-08", "25:00-08:00", "22:60-08:00", "08:00-08:00", "24:00-08:00", "-1:00-08:00"] {
            #expect(QuietHours(wrong) == nil)
        }
    }
}
