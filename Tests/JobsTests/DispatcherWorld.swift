@testable import Jobs

/// A world for the dispatcher: carries out its actions on queues that are numbers, and watches every rule.
struct DispatcherWorld {
    typealias Instant = ContinuousClock.Instant

    struct Call: Equatable {
        let queue: Int
        let session: Int
        let lane: Lane
        let settlements: [Settlement]
        let take: Int
        let firstSlot: Int
    }
    struct Job: Hashable {
        let session: Int
        let queue: Int
        let slot: Int
    }
    enum Fate { case running, finished, sent }

    var dispatcher: Dispatcher
    var now: Instant
    let concurrency: Int
    /// What is really there.
    var waiting: [Int]
    var suspects: [Int]
    var isPaused: [Bool]
    // What has been asked for and is not answered yet.
    var opens: [Int] = []
    var calls: [Call] = []
    var peeks: Set<Int> = []
    var running: [(job: Job, claim: Claim)] = []
    var wakeAt: Instant?
    /// Of each job that is claimed and not acknowledged in a session that is open.
    var fates: [Job: Fate] = [:]
    /// The highest slot that each queue has used.
    var highestSlot: [Int]
    /// Jobs that run alone: the suspects.
    var alone: Set<Job> = []
    var lostSessions: Set<Int> = []
    var isStopping = false
    var drained = 0
    var taken: [Int]
    /// Rules that were broken.
    var findings: [String] = []

    init(concurrency: Int, weights: [Int]) {
        now = .now
        self.concurrency = concurrency
        dispatcher = Dispatcher(concurrency: concurrency, weights: weights, now: now)
        waiting = weights.map { _ in 0 }
        suspects = waiting
        taken = waiting
        highestSlot = waiting
        isPaused = weights.map { _ in false }
        carryOut(dispatcher.tick(now: now))
    }

    mutating func check(_ rule: String, _ holds: Bool) {
        if !holds { findings.append(rule) }
    }

    mutating func carryOut(_ actions: [Dispatcher.Action]) {
        for action in actions {
            switch action {
            case .open(let session, let predecessor):
                check("one open at a time, without a session", opens.isEmpty)
                check("the last session is named", predecessor.map(lostSessions.contains) ?? true)
                check("no session is opened for a stop", !isStopping)
                opens.append(session)
            case .exchange(let queue, let session, let lane, let settlements, let take, let firstSlot):
                send(
                    Call(
                        queue: queue, session: session, lane: lane, settlements: settlements, take: take,
                        firstSlot: firstSlot))
            case .peek(let queue):
                let state = dispatcher.queues[queue]
                check("one peek a queue", !peeks.contains(queue))
                check(
                    "a peek only while empty, not paused and with a free slot",
                    state.waiting == 0 && state.lookAt == nil && free > 0 && !isStopping)
                check(
                    "no peek without a session or in trouble",
                    dispatcher.openSession != nil && dispatcher.noClaimsUntil == nil)
                peeks.insert(queue)
            case .run(let queue, let session, let claims):
                check("handlers run in the open session only", dispatcher.openSession == session && !isStopping)
                for claim in claims { running.append((Job(session: session, queue: queue, slot: claim.slot), claim)) }
            case .cancelHandlers(let session):
                check("handlers are cancelled once, with their session", lostSessions.insert(session).inserted)
            case .wake(let at):
                wakeAt = min(wakeAt ?? at, at)
            case .drained:
                drained += 1
            }
        }
        checkState()
    }

    var free: Int { concurrency - dispatcher.running - dispatcher.reserved }

    private mutating func send(_ call: Call) {
        check("an exchange in the open session", dispatcher.openSession == call.session)
        check("one exchange a queue", !calls.contains { $0.queue == call.queue && $0.session == call.session })
        check("batches are bounded", call.take <= JobLimits.exchange && call.settlements.count <= JobLimits.exchange)
        check("an exchange has a purpose", call.take > 0 || !call.settlements.isEmpty)
        if call.take > 0 {
            check("no claim while stopping", !isStopping)
            check("no claim in trouble", dispatcher.noClaimsUntil.map { $0 <= now } ?? true)
            check("no claim on a queue that is known to be paused", dispatcher.queues[call.queue].lookAt == nil)
            let others = calls.filter { $0.take > 0 }
            if call.lane == .suspect {
                check("a suspect runs alone", call.take == 1 && running.isEmpty && others.isEmpty)
            }
            check(
                "nothing runs beside a suspect",
                !others.contains { $0.lane == .suspect && $0.session == call.session }
                    && !running.contains { alone.contains($0.job) && $0.job.session == call.session })
        }
        for settlement in call.settlements {
            let job = Job(session: call.session, queue: call.queue, slot: settlement.slot)
            if fates[job] != .finished { findings.append("an acknowledgement goes out once: \(job)") }
            fates[job] = .sent
        }
        calls.append(call)
    }

    private mutating func checkState() {
        check("slots in hand are those of handlers", dispatcher.running == running.count)
        check("slots asked for are those of exchanges", dispatcher.reserved == calls.reduce(0) { $0 + $1.take })
        check("never more than the concurrency", dispatcher.running + dispatcher.reserved <= concurrency)
        var inUse = waiting.map { _ in 0 }
        for (job, _) in running { inUse[job.queue] += 1 }
        for call in calls { inUse[call.queue] += call.take }
        check("a queue's slots add up", dispatcher.queues.map(\.inUse) == inUse)
        check("drained at most once, and only after a stop", drained == 0 || drained == 1 && isStopping)
        // Somebody answers, or the clock wakes it: else it would sleep for ever.
        let isAwaited = !opens.isEmpty || !calls.isEmpty || !peeks.isEmpty || !running.isEmpty
        check("always something to wait for", isAwaited || wakeAt != nil || drained == 1)
        if let session = dispatcher.openSession, !isStopping {
            for index in waiting.indices where waiting[index] > 0 && free > 0 && !isPaused[index] && wakeAt == nil {
                let comes = peeks.contains(index) || calls.contains { $0.session == session } || !running.isEmpty
                check("work and a free slot, and nothing under way", comes)
            }
        }
    }
}
