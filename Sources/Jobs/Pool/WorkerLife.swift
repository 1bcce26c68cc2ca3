internal import Logging

/// One run of a ``WorkerPool``: carries out what the ``Dispatcher`` decides and owns the handlers' tasks.
struct WorkerLife {
    typealias Group = DiscardingTaskGroup
    typealias Instant = ContinuousClock.Instant

    let pool: WorkerPool
    let sink: AsyncStream<WorkerPool.Event>.Continuation
    var dispatcher: Dispatcher
    var runs = RunTable()
    var lease = LeaseState()
    var hasEnded = false
    private var drainUntil: Instant?
    /// The earliest wake-up that is set.
    private var wakeAt: Instant?
    private var isPollingCancellations = false
    private var isExtending = false
    private var lastPoll: Instant

    init(pool: WorkerPool, sink: AsyncStream<WorkerPool.Event>.Continuation) {
        self.pool = pool
        self.sink = sink
        lastPoll = .now
        dispatcher = Dispatcher(
            concurrency: pool.configuration.concurrency, weights: pool.weights.map { $0 ?? 1 },
            suspects: pool.configuration.suspects.place, now: .now)
    }

    /// The session whose jobs are to be handed back at the end: the open one, else the last that was, whose jobs no
    /// other session has taken back.
    var leaving: String? { (dispatcher.openSession ?? dispatcher.predecessor).map(pool.sessionName) }

    mutating func start(_ group: inout Group) { carryOut(dispatcher.tick(now: .now), &group) }

    mutating func handle(_ event: WorkerPool.Event, _ group: inout Group) {
        let now = Instant.now
        switch event {
        case .opened(let number):
            lease.opened(at: now)
            carryOut(dispatcher.opened(session: number, now: now), &group)
            if dispatcher.openSession == number { beat(number, now, &group) }
        case .openFailed(let number):
            carryOut(dispatcher.openFailed(session: number, now: now), &group)
        case .replied(let queue, let session, let lane, let take, let reply):
            carryOut(
                dispatcher.replied(queue: queue, session: session, lane: lane, take: take, reply, now: now), &group)
        case .exchangeFailed(let queue, let session, let take, let settlements, let sessionLost):
            let actions = dispatcher.exchangeFailed(
                queue: queue, session: session, take: take, settlements: settlements, sessionLost: sessionLost,
                now: now)
            carryOut(actions, &group)
        case .peeked(let queue, let found):
            carryOut(dispatcher.peeked(queue: queue, found: found, now: now), &group)
        case .finished(let run, let result):
            guard let run = runs.remove(run) else { return }
            noteRunning()
            // They keep their slots, unless these are another session's by now.
            let again = dispatcher.openSession == run.session ? result.rerun : []
            if let kind = pool.kinds[run.kind], !again.isEmpty { start(kind, again, run.queue, run.session) }
            let actions = dispatcher.finished(
                queue: run.queue, session: run.session, jobs: run.claims.count - again.count, result.settlements,
                trouble: result.trouble, now: now)
            carryOut(actions, &group)
        case .beaten(let number, let at):
            if dispatcher.openSession == number { lease.beaten(at: at) }
        case .beatFailed:
            lease.failed()
        case .sessionLost(let number):
            carryOut(dispatcher.lost(session: number, now: now), &group)
        case .cancelled(let cancelled):
            isPollingCancellations = false
            runs.cancel(Set(cancelled))
        case .wake:
            wakeAt = nil
            carryOut(dispatcher.tick(now: now), &group)
        case .pulse(let due):
            pool.pulsed(due: due, now: now)
            pulse(now, &group)
        case .reweigh:
            carryOut(dispatcher.reweigh(pool.weights, now: now), &group)
            extend(&group)
            let pool = pool
            group.addTask { await pool.limit() }
            if let number = dispatcher.openSession { beat(number, now, &group) }
        case .extended(let number, let isDone):
            isExtending = false
            if isDone { carryOut(dispatcher.extended(session: number, now: now), &group) }
        case .quiet(let isQuiet):
            quiet(isQuiet, now, &group)
        case .stop(let drain):
            let until = now + drain
            drainUntil = drainUntil.map { min($0, until) } ?? until
            pool.logger.info("stopping", metadata: ["running": "\(dispatcher.running)"])
            carryOut(dispatcher.stop(now: now), &group)
        }
    }

    /// After the last event: what still runs is told to stop; nobody waits for it.
    mutating func end() { runs.cancelAll(.drain) }

    private mutating func carryOut(_ actions: [Dispatcher.Action], _ group: inout Group) {
        for action in actions {
            switch action {
            case .open(let session, let predecessor):
                let (pool, sink) = (pool, sink)
                group.addTask { await pool.open(session, predecessor, sink) }
            case .exchange(let queue, let session, let lane, let settlements, let take, let firstSlot):
                let exchange = Exchange(
                    queue: pool.queueName(queue), session: pool.sessionName(session), lane: lane,
                    settlements: settlements, take: take, firstSlot: firstSlot)
                let (pool, sink) = (pool, sink)
                group.addTask { await pool.exchange(exchange, queue, session, sink) }
            case .peek(let queue):
                let (pool, sink) = (pool, sink)
                group.addTask { await pool.peek(queue, sink) }
            case .run(let queue, let session, let claims):
                start(claims, queue, session)
            case .cancelHandlers(let session):
                pool.logger.warning("session lost", metadata: ["session": "\(pool.sessionName(session))"])
                runs.cancel(session: session)
            case .wake(let at):
                wake(at, &group)
            case .drained:
                hasEnded = true
            }
        }
    }

    private mutating func wake(_ at: Instant, _ group: inout Group) {
        if let wakeAt, wakeAt <= at { return }
        wakeAt = at
        let sink = sink
        group.addTask {
            do { try await Task.sleep(until: at) } catch { return }
            sink.yield(.wake)
        }
    }

    private mutating func start(_ claims: [Claim], _ queue: Int, _ session: Int) {
        var unknown: [Settlement] = []
        for (name, group) in Dictionary(grouping: claims, by: \.kind) {
            guard let kind = pool.kinds[name] else {
                pool.logger.warning("unknown kind", metadata: ["job.kind": "\(name)", "jobs": "\(group.count)"])
                unknown += group.map {
                    Settlement(
                        $0, .dead(code: EngineCode.unknownKind, message: "this release has no kind of that name"))
                }
                continue
            }
            pool.metrics.claimed(name, group)
            for batch in Batches.split(group, size: kind.batch, alone: kind.runsAlone) {
                start(kind, batch, queue, session)
            }
        }
        if !unknown.isEmpty {
            let run = runs.insert(claims: unknown.count, queue: queue, session: session)
            sink.yield(.finished(run: run, HandlerRunner.Result(settlements: unknown)))
        }
        noteRunning()
    }

    private mutating func start(_ kind: Kind, _ claims: [Claim], _ queue: Int, _ session: Int) {
        let time = claims.map { $0.timeout ?? kind.timeout }.max() ?? kind.timeout
        let state = RunState(deadline: .now + time)
        let (pool, sink) = (pool, sink)
        let number = runs.nextNumber
        let context = pool.context(kind, claims, session)
        // Not a child: a handler that ignores its cancellation must not hold up the process's end. The table owns it.
        let task = Task {
            let result = await pool.runner.run(kind, claims, context, state)
            await pool.write(pool.board.takeLast(of: claims), session)
            sink.yield(.finished(run: number, result))
        }
        runs.insert(
            RunTable.Run(kind: kind.name, claims: claims, queue: queue, session: session, state: state, task: task))
    }

    private func noteRunning() {
        pool.note(running: dispatcher.running)
    }

    private mutating func pulse(_ now: Instant, _ group: inout Group) {
        pool.metrics.running(dispatcher.running)
        noteRunning()
        for run in runs.overdue(now, stuckAfter: pool.configuration.stuckAfter) {
            pool.metrics.stuck(run.kind)
            pool.logger.error(
                "job is stuck: it ignores its cancellation and keeps its slot",
                metadata: ["job.kind": "\(run.kind)", "job.id": "\(run.claims.first?.id ?? "")"])
        }
        pool.note(stuck: runs.stuck)
        if let number = dispatcher.openSession {
            switch lease.look(now, pool.configuration.lease) {
            case .nothing: break
            case .beat: beat(number, now, &group)
            case .lost: carryOut(dispatcher.lost(session: number, now: now), &group)
            }
            if dispatcher.running > 0 { followRuns(number, now, &group) }
        }
        extend(&group)
        if let drainUntil, now >= drainUntil {
            pool.logger.notice("drain time is over", metadata: ["running": "\(dispatcher.running)"])
            hasEnded = true
        }
        carryOut(dispatcher.tick(now: now), &group)
    }

    private mutating func quiet(_ isQuiet: Bool, _ now: Instant, _ group: inout Group) {
        guard isQuiet != dispatcher.isQuiet else { return }
        pool.logger.notice(
            isQuiet ? "quiet: no more claims, what is in hand goes on" : "claims go on",
            metadata: ["running": "\(dispatcher.running)"])
        carryOut(dispatcher.quiet(isQuiet, now: now), &group)
        // The list of workers shows it at once.
        if let number = dispatcher.openSession { beat(number, now, &group) }
    }

    private mutating func beat(_ number: Int, _ now: Instant, _ group: inout Group) {
        lease.beating()
        let (pool, sink) = (pool, sink)
        group.addTask { await pool.beat(number, at: now, sink) }
    }

    private mutating func extend(_ group: inout Group) {
        guard let number = dispatcher.openSession, dispatcher.needsExtension, !isExtending else { return }
        isExtending = true
        let (pool, sink) = (pool, sink)
        group.addTask { await pool.extend(number, sink) }
    }

    private mutating func followRuns(_ number: Int, _ now: Instant, _ group: inout Group) {
        let (pool, sink) = (pool, sink)
        let news = pool.board.news()
        if !news.isEmpty {
            group.addTask { await pool.write(news.lazy.compactMap { pool.board.newest(of: $0) }, number) }
        }
        if !isPollingCancellations, now - lastPoll >= .seconds(1) {
            isPollingCancellations = true
            lastPoll = now
            group.addTask { await pool.pollCancellations(number, sink) }
        }
    }
}
