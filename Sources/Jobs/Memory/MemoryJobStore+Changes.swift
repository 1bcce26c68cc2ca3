extension MemoryJobStore.Queue {
    mutating func add(_ job: NewJob, _ now: Int) -> Enqueued {
        var (id, outcome) = (job.id, Enqueued.Outcome.created)
        let name = job.idempotency.map { $0.user + ":" + $0.key }
        if let idempotency = job.idempotency, let name, let known = idempotent[name], known.until > now {
            if known.hash != idempotency.bodyHash { return Enqueued(id: job.id, outcome: .idempotencyMismatch) }
            return Enqueued(id: known.id, outcome: .existing(.idempotency), waitedUntil: known.waitedUntil)
        }
        if jobs[job.id] != nil {
            outcome = .existing(.id)
        } else if let key = job.key, let holder = holder(of: key) {
            (id, outcome) = (holder, .existing(.key))
        }
        if let idempotency = job.idempotency, let name {
            let wait = idempotency.wait.inMilliseconds
            idempotent[name] = (id, idempotency.bodyHash, now + 24 * 3600 * 1000, wait > 0 ? now + wait : nil)
        }
        guard outcome == .created else { return Enqueued(id: id, outcome: outcome) }
        let due = job.delay.map { now + $0.inMilliseconds } ?? job.runAt ?? 0
        jobs[id] = .init(
            view: JobView(job, createdAt: now), queuedAt: now, timeout: job.timeout, traceparent: job.traceparent)
        if let key = job.key { unique[key] = id }
        if due > now { delayed[id] = due } else { ready.insert(id, at: 0) }
        counts.enqueued += 1
        return Enqueued(id: id, outcome: .created, createdAt: now)
    }

    mutating func cancel(_ id: String, _ now: Int) -> ChangeResult {
        guard let job = jobs[id] else { return .missing }
        switch job.view.state {
        case .scheduled, .retrying:
            delayed[id] = nil
            counts.cancelled += 1
        case .queued:
            jobs[id]?.isTombstone = true
        case .running:
            if let holder = job.holder {
                inFlight[holder.session]?[holder.slot] = nil
                cancels[holder.session, default: []].append(
                    Cancellation(queue: job.view.queue, slot: holder.slot, id: id))
            }
            counts.cancelled += 1
        case .succeeded, .dead, .cancelled:
            return .state(job.view.state)
        }
        end(id, .cancelled, now)
        return .changed
    }

    mutating func retry(_ id: String, _ now: Int) -> ChangeResult {
        guard let job = jobs[id] else { return .missing }
        let state = job.view.state
        guard state == .dead || state == .cancelled || state == .retrying else { return .state(state) }
        if let key = job.view.key {
            if let holder = holder(of: key), holder != id { return .keyInUse(by: holder) }
            unique[key] = id
        }
        if state == .retrying {
            delayed[id] = nil
        } else {
            dead[id] = nil
            done[id] = nil
            if state == .cancelled, !job.isTombstone { counts.cancelled -= 1 }
            jobs[id]?.view.attempt = 0
            jobs[id]?.view.error = nil
            jobs[id]?.view.finishedAt = nil
            jobs[id]?.view.startedAt = nil
            jobs[id]?.view.progress = nil
            jobs[id]?.isTombstone = false
        }
        jobs[id]?.view.state = .queued
        jobs[id]?.queuedAt = now
        if job.isTombstone { return .changed }
        if crashes[id, default: 0] >= JobLimits.suspectCrashes {
            suspect.insert(id, at: 0)
        } else {
            ready.insert(id, at: 0)
        }
        return .changed
    }

    mutating func discard(_ id: String, _ now: Int) -> ChangeResult {
        guard let job = jobs[id] else { return .missing }
        if job.view.state == .running { return .state(.running) }
        releaseKey(id)
        crashes[id] = nil
        if delayed.removeValue(forKey: id) != nil || dead.removeValue(forKey: id) != nil { counts.discarded += 1 }
        done[id] = nil
        // Its name is remembered, so that whoever sends it again finds it.
        jobs[id]?.isDiscarded = true
        return .changed
    }

    /// In the order of the real store's listing.
    func listing() -> [JobView] {
        let running = sessions.keys.sorted().flatMap { inFlightInOrder($0) }
        let aside = parked.keys.sorted().flatMap { (parked[$0] ?? []).reversed() }
        let live = (running + ready.reversed() + aside + suspect.reversed() + Self.inOrder(delayed)).compactMap {
            jobs[$0]
        }
        .filter { !$0.isDiscarded && $0.view.state != .cancelled }
        let ended = Self.inOrder(dead).reversed() + Self.inOrder(done).reversed()
        return live.map(\.view) + ended.compactMap { jobs[$0]?.view }
    }
}
