@testable import Jobs

extension DispatcherWorld {
    /// How a call to the store goes.
    enum Answer { case good, didNotRun, sessionLost }

    mutating func answerOpen(_ isGood: Bool) {
        let session = opens.removeFirst()
        carryOut(
            isGood ? dispatcher.opened(session: session, now: now) : dispatcher.openFailed(session: session, now: now))
    }

    mutating func answerCall(at place: Int, _ answer: Answer) {
        let call = calls.remove(at: place)
        let isOpen = dispatcher.openSession == call.session
        switch answer {
        case .good: reply(to: call, isOpen)
        case .didNotRun, .sessionLost:
            for settlement in call.settlements where isOpen {
                fates[Job(session: call.session, queue: call.queue, slot: settlement.slot)] = .finished
            }
            if isOpen, answer == .sessionLost { lose(call.session) }
            carryOut(
                dispatcher.exchangeFailed(
                    queue: call.queue, session: call.session, take: call.take, settlements: call.settlements,
                    sessionLost: answer == .sessionLost, now: now))
        }
    }

    private mutating func reply(to call: Call, _ isOpen: Bool) {
        for settlement in call.settlements {
            fates[Job(session: call.session, queue: call.queue, slot: settlement.slot)] = nil
        }
        var count = 0
        if isOpen, !isPaused[call.queue] {
            if call.lane == .suspect {
                count = min(call.take, suspects[call.queue])
                suspects[call.queue] -= count
            } else {
                count = min(call.take, waiting[call.queue])
                waiting[call.queue] -= count
            }
        }
        taken[call.queue] += count
        let claims = (0..<count).map {
            Claim(id: "j", kind: "k", queue: "q", args: [], slot: call.firstSlot + $0)
        }
        for claim in claims {
            let job = Job(session: call.session, queue: call.queue, slot: claim.slot)
            check("a slot is used once", claim.slot > highestSlot[call.queue])
            highestSlot[call.queue] = claim.slot
            // While stopping they are handed back at once.
            fates[job] = isStopping ? .finished : .running
            if call.lane == .suspect { alone.insert(job) }
        }
        let reply = ExchangeReply(
            claims: claims, isPaused: isPaused[call.queue], waiting: waiting[call.queue], suspects: suspects[call.queue]
        )
        carryOut(
            dispatcher.replied(
                queue: call.queue, session: call.session, lane: call.lane, take: call.take, reply, now: now))
    }

    /// What the session holds goes back to its queues.
    mutating func lose(_ session: Int) {
        for job in fates.keys where job.session == session {
            if alone.contains(job) { suspects[job.queue] += 1 } else { waiting[job.queue] += 1 }
        }
        fates = fates.filter { $0.key.session != session }
    }

    mutating func loseSession() {
        guard let session = dispatcher.openSession else { return }
        lose(session)
        carryOut(dispatcher.lost(session: session, now: now))
    }

    /// - Parameter settles: false for a job that was cancelled: its run ends and says nothing.
    mutating func finish(at place: Int, settles: Bool = true, trouble: Bool = false) {
        let (job, claim) = running.remove(at: place)
        let settlement = Settlement(claim, .done(result: nil, code: nil, message: ""))
        if dispatcher.openSession == job.session { fates[job] = settles ? .finished : nil }
        carryOut(
            dispatcher.finished(
                queue: job.queue, session: job.session, jobs: 1, settles ? [settlement] : [], trouble: trouble, now: now
            ))
    }

    mutating func answerPeek(_ queue: Int, _ found: Bool?) {
        peeks.remove(queue)
        carryOut(dispatcher.peeked(queue: queue, found: found, now: now))
    }

    mutating func wake() {
        guard let at = wakeAt else { return }
        now = max(now, at)
        wakeAt = nil
        carryOut(dispatcher.tick(now: now))
    }

    mutating func stop() {
        isStopping = true
        carryOut(dispatcher.stop(now: now))
    }

    /// From here on all goes well: answers come, handlers end, peeks see what is there.
    ///
    /// - Returns: false if there was nothing to go on with before `isDone`.
    mutating func settleDown(_ random: inout Generator, until isDone: (Self) -> Bool) -> Bool {
        // Of a queue that is not watched for what it holds: a peek that ends without a find is the only event then.
        var idle = 0
        for _ in 0..<60_000 where idle < 10 {
            if isDone(self) { return true }
            if !opens.isEmpty {
                answerOpen(true)
            } else if !calls.isEmpty {
                answerCall(at: Int.random(in: 0..<calls.count, using: &random), .good)
            } else if !running.isEmpty {
                finish(at: Int.random(in: 0..<running.count, using: &random))
            } else if let queue = peeks.sorted().first(where: { waiting[$0] > 0 }) {
                answerPeek(queue, true)
            } else if wakeAt != nil {
                wake()
            } else if let queue = peeks.min() {
                now += .seconds(5)
                idle += 1
                answerPeek(queue, false)
            } else {
                return isDone(self)
            }
        }
        return false
    }

    mutating func happen(_ random: inout Generator) {
        func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
        switch number(0..<40) {
        case 0..<4: waiting[number(0..<waiting.count)] += number(1..<(number(0..<8) == 0 ? 400 : 12))
        case 4:
            if number(0..<3) == 0 { suspects[number(0..<suspects.count)] += number(1..<3) }
        case 5: isPaused[number(0..<isPaused.count)].toggle()
        case 6..<10:
            if !opens.isEmpty { answerOpen(number(0..<4) > 0) }
        case 10..<20:
            if !calls.isEmpty {
                let answer: [Answer] = [.didNotRun, .sessionLost]
                answerCall(at: number(0..<calls.count), number(0..<20) == 0 ? answer[number(0..<2)] : .good)
            }
        case 20..<32:
            for _ in 0..<number(1..<8) where !running.isEmpty {
                finish(at: number(0..<running.count), settles: number(0..<10) > 0, trouble: number(0..<40) == 0)
            }
        case 32, 33:
            if let queue = peeks.sorted().first {
                answerPeek(queue, number(0..<6) == 0 ? nil : waiting[queue] > 0)
            }
        case 34: if number(0..<4) == 0 { loseSession() }
        case 35: carryOut(dispatcher.tick(now: now))
        case 36: now += .milliseconds(number(0..<8))
        case 37: now += .milliseconds(number(0..<3000))
        default: wake()
        }
    }
}
