internal import OwnerThread

extension MemoryJobStore {
    public func open(session: String, lease: Duration, predecessor: String?) async throws(StoreError) {
        for name in names {
            try edit(name) { queue, now in
                if let predecessor, predecessor != session {
                    queue.giveBack(queue.inFlightInOrder(predecessor), now)
                    queue.drop(predecessor)
                }
                queue.sessions[session] = now + lease.inMilliseconds
            }
        }
    }

    static let fenced = StoreError(.sessionLost, "this session is gone: open a new one", mayHaveRun: false)

    public func exchange(_ exchange: Exchange) async throws(StoreError) -> ExchangeReply {
        try edit(exchange.queue) { queue, now throws(StoreError) in
            guard queue.sessions[exchange.session] != nil else { throw Self.fenced }
            for settlement in exchange.settlements { queue.settle(settlement, exchange.session, now) }
        }
        return try edit(exchange.queue) { queue, now, state throws(StoreError) in
            guard queue.sessions[exchange.session] != nil else { throw Self.fenced }
            var room = state.room(now)
            let claims = queue.isPaused ? [] : queue.take(exchange, &room, now)
            for claim in claims where state.limits[claim.kind]?.rate != nil {
                state.windows[MemoryJobStore.State.starts(claim.kind), default: []].append(now)
            }
            return ExchangeReply(
                claims: claims, isPaused: queue.isPaused, waiting: queue.ready.count + queue.open(room),
                suspects: queue.suspect.contains { queue.hasRoom($0, room) } ? queue.suspect.count : 0)
        }
    }

    public func beat(session: String, lease: Duration, worker: WorkerInfo) async throws(StoreError) {
        let until = now() + lease.inMilliseconds
        state.withLock { $0.workers[worker.process] = (worker, until) }
        for name in names {
            try edit(name) { queue, now throws(StoreError) in
                guard queue.sessions[session] != nil else { throw Self.fenced }
                queue.sessions[session] = now + lease.inMilliseconds
            }
        }
    }

    public func cancellations(session: String) async throws(StoreError) -> [Cancellation] {
        var cancelled: [Cancellation] = []
        for name in names {
            cancelled += try edit(name) { queue, _ throws(StoreError) in
                guard queue.sessions[session] != nil else { throw Self.fenced }
                return queue.cancels.removeValue(forKey: session) ?? []
            }
        }
        return cancelled
    }

    public func release(session: String) async throws(StoreError) -> Int {
        var count = 0
        for name in names {
            count += try edit(name) { queue, now in
                let ids = queue.inFlightInOrder(session)
                queue.giveBack(ids, now)
                queue.drop(session)
                return ids.count
            }
        }
        return count
    }

    public func unregister(process: String) async throws(StoreError) { state.withLock { $0.workers[process] = nil } }

    public func progress(
        session: String, queue: String, slot: Int, id: String, _ progress: JobView.Progress
    ) async throws(StoreError) {
        try edit(queue) { queue, _ throws(StoreError) in
            guard queue.sessions[session] != nil else { throw Self.fenced }
            if queue.inFlight[session]?[slot] == id { queue.jobs[id]?.view.progress = progress }
        }
    }

    public func checkpoint(session: String, queue: String, id: String) async throws(StoreError) {
        try edit(queue) { queue, _ throws(StoreError) in
            guard queue.sessions[session] != nil else { throw Self.fenced }
            queue.crashes[id] = nil
        }
    }

    public func peek(queue: String, timeout: Duration) async throws(StoreError) -> Bool {
        let end = ContinuousClock.now + timeout
        while true {
            let found = try edit(queue) { queue, now, state throws(StoreError) in
                !queue.ready.isEmpty || queue.open(state.room(now)) > 0
            }
            if found { return true }
            if ContinuousClock.now >= end { return false }
            do { try await Task.sleep(for: .milliseconds(1)) } catch {
                throw StoreError(.cancelled, "the task was cancelled", mayHaveRun: false)
            }
        }
    }

    public func reap(lease: Duration) async throws(StoreError) -> ReapReport {
        let time = now()
        let registered = state.withLock { state in
            Set(state.workers.filter { $0.value.until > time }.keys)
        }
        var report = ReapReport()
        for name in names {
            let (sessions, returned, poisoned) = try edit(name) { queue, now in queue.reap(registered, now) }
            report.sessions = max(report.sessions, sessions)
            report.returned += returned
            report.poisoned += poisoned
        }
        return report
    }

    public func promote() async throws(StoreError) -> Promotion {
        var promotion = Promotion(moved: 0, nextDue: nil)
        for name in names {
            let (moved, next) = try edit(name) { queue, now in
                let due = Queue.inOrder(queue.delayed.filter { $0.value <= now })
                for id in due {
                    queue.delayed[id] = nil
                    queue.jobs[id]?.view.state = .queued
                    queue.jobs[id]?.queuedAt = now
                    if queue.crashes[id, default: 0] >= JobLimits.suspectCrashes {
                        queue.suspect.insert(id, at: 0)
                    } else {
                        queue.ready.insert(id, at: 0)
                    }
                }
                return (due.count, queue.delayed.values.min().map { Duration.milliseconds(max(0, $0 - now)) })
            }
            promotion.moved += moved
            let frees = try edit(name) { queue, now, state throws(StoreError) in
                queue.parked.keys.compactMap { state.wait($0, now) }.min().map { Duration.milliseconds($0) }
            }
            for next in [next, frees].compactMap({ $0 }) { promotion.nextDue = min(promotion.nextDue ?? next, next) }
        }
        return promotion
    }

    public func prune(done: Duration, dead: Duration) async throws(StoreError) -> Int {
        var count = 0
        for name in names {
            count += try edit(name) { queue, now in
                let old = queue.done.filter { $0.value <= now - done.inMilliseconds }.keys
                let older = queue.dead.filter { $0.value <= now - dead.inMilliseconds }.keys
                for id in old where queue.jobs[id]?.isTombstone == true { queue.done[id] = now }
                for id in old where queue.jobs[id]?.isTombstone != true {
                    queue.jobs[id] = nil
                    queue.done[id] = nil
                }
                for id in older {
                    queue.jobs[id] = nil
                    queue.dead[id] = nil
                }
                queue.counts.discarded += older.count
                return old.count + older.count
            }
        }
        return count
    }
}

extension MemoryJobStore.Queue {
    mutating func settle(_ settlement: Settlement, _ session: String, _ now: Int) {
        guard let id = inFlight[session]?.removeValue(forKey: settlement.slot) else { return }
        switch settlement.change {
        case .done(let result, let code, let message):
            jobs[id]?.view.result = result
            jobs[id]?.view.error = code.map { .init(code: $0, message: message) }
            counts.succeeded += 1
            end(id, .succeeded, now)
        case .retry(let delay, let code, let message):
            crashes[id] = nil
            wait(id, now + delay.inMilliseconds)
            jobs[id]?.view.error = .init(code: code, message: message)
        case .snooze(let delay):
            jobs[id]?.view.attempt -= 1
            wait(id, now + delay.inMilliseconds)
        case .dead(let code, let message):
            end(id, .dead, now, error: .init(code: code, message: message))
        case .release:
            giveBack([id], now)
        }
    }

    private mutating func wait(_ id: String, _ due: Int) {
        jobs[id]?.view.state = .retrying
        jobs[id]?.view.runAt = due
        delayed[id] = due
    }

    /// - Parameter room: how many more of a kind may run; kinds that are not named may without end.
    mutating func take(_ exchange: Exchange, _ room: inout [String: Int], _ now: Int) -> [Claim] {
        var claims: [Claim] = []
        if exchange.lane == .suspect {
            for _ in 0..<exchange.take {
                guard let place = suspect.lastIndex(where: { hasRoom($0, room) }) else { break }
                claim(suspect.remove(at: place), exchange, &room, now, &claims)
            }
            return claims
        }
        for kind in parked.keys.sorted() {
            while claims.count < exchange.take, room[kind, default: 1] > 0, let id = parked[kind]?.popLast() {
                claim(id, exchange, &room, now, &claims)
            }
        }
        parked = parked.filter { !$0.value.isEmpty }
        // As many as are asked for, whatever they turn out to be, and one more for each that is parked.
        var looks = exchange.take - claims.count
        while looks > 0, let id = ready.popLast() {
            let before = parkedCount
            claim(id, exchange, &room, now, &claims)
            if parkedCount == before { looks -= 1 }
        }
        return claims
    }

    private mutating func claim(
        _ id: String, _ exchange: Exchange, _ room: inout [String: Int], _ now: Int, _ claims: inout [Claim]
    ) {
        guard let job = jobs[id] else { return }
        if job.isDiscarded {
            jobs[id]?.isTombstone = false
            counts.discarded += 1
        } else if job.isTombstone {
            jobs[id]?.isTombstone = false
            counts.cancelled += 1
        } else if !hasRoom(id, room) {
            parked[job.view.kind, default: []].insert(id, at: 0)
        } else {
            room[job.view.kind]? -= 1
            let slot = exchange.firstSlot + claims.count
            jobs[id]?.view.state = .running
            jobs[id]?.view.attempt += 1
            jobs[id]?.view.startedAt = now
            jobs[id]?.holder = (exchange.session, slot)
            inFlight[exchange.session, default: [:]][slot] = id
            claims.append(
                Claim(
                    id: id, kind: job.view.kind, queue: exchange.queue, args: job.view.args,
                    attempt: job.view.attempt + 1, maxAttempts: job.view.maxAttempts, timeout: job.timeout,
                    traceparent: job.traceparent, enqueuedAt: job.view.createdAt, queuedAt: job.queuedAt,
                    claimedAt: now, hasKey: job.view.key != nil, slot: slot))
        }
    }

    mutating func reap(
        _ registered: Set<String>, _ now: Int
    ) -> (sessions: Int, returned: Int, poisoned: [(id: String, kind: String)]) {
        var (ended, returned, poisoned) = (0, 0, [(id: String, kind: String)]())
        for session in Self.inOrder(sessions.filter { $0.value <= now }) {
            let process = session.split(separator: ".").dropLast().joined(separator: ".")
            var innocent: [String] = []
            for id in inFlightInOrder(session) {
                if !registered.contains(process) { crashes[id, default: 0] += 1 }
                if crashes[id, default: 0] >= JobLimits.poisonCrashes {
                    poisoned.append((id, jobs[id]?.view.kind ?? ""))
                    end(id, .dead, now, error: .init(code: EngineCode.poison, message: "its process ended too often"))
                } else {
                    innocent.append(id)
                }
            }
            giveBack(innocent, now)
            returned += innocent.count
            drop(session)
            ended += 1
        }
        return (ended, returned, poisoned)
    }
}
