extension Dispatcher {
    mutating func tick(now: Instant) -> [Action] { plan(now) }

    mutating func opened(session number: Int, now: Instant) -> [Action] {
        guard session == .opening(number) else { return [] }
        session = .open(number)
        predecessor = number
        failures = 0
        for index in queues.indices {
            queues[index].waiting = nil
            queues[index].lookAt = nil
            queues[index].suspects = 0
            queues[index].isOutOfSuspects = false
        }
        return plan(now)
    }

    mutating func openFailed(session number: Int, now: Instant) -> [Action] {
        guard session == .opening(number) else { return [] }
        failures += 1
        session = .closed(retryAt: now + Self.backoff(failures))
        return plan(now)
    }

    /// FENCED, a new connection, or a lease that ended without a beat.
    mutating func lost(session number: Int, now: Instant) -> [Action] {
        guard session == .open(number) else { return [] }
        failures += 1
        session = .closed(retryAt: failures > 1 ? now + Self.backoff(failures) : now)
        for index in queues.indices {
            // Their jobs are taken back by the next session and run again; receipts refuse the second effect.
            queues[index].acknowledgements = []
            queues[index].oldestAcknowledgement = nil
            queues[index].isExchanging = false
        }
        isSuspectRunning = false
        suspectsSince = nil
        return [.cancelHandlers(session: number)] + plan(now)
    }

    mutating func replied(
        queue: Int, session number: Int, lane: Lane, take: Int, _ reply: ExchangeReply, now: Instant
    ) -> [Action] {
        reserved -= take
        queues[queue].inUse -= take
        guard openSession == number else { return plan(now) }
        failures = 0
        queues[queue].isExchanging = false
        queues[queue].waiting = reply.waiting
        queues[queue].suspects = reply.suspects
        if reply.isPaused {
            queues[queue].waiting = 0
            queues[queue].suspects = 0
            queues[queue].lookAt = now + Self.fallback
        }
        if lane == .suspect {
            isSuspectRunning = !reply.claims.isEmpty
            // What was taken may have been a cancelled job.
            queues[queue].isOutOfSuspects = reply.claims.isEmpty && (reply.suspects == 0 || reply.isPaused)
        }
        if reply.claims.isEmpty { return plan(now) }
        if isStopping {
            let returned = reply.claims.map { Settlement($0, .release) }
            acknowledge(queue, returned, now)
            return plan(now)
        }
        running += reply.claims.count
        queues[queue].inUse += reply.claims.count
        floor = max(floor, queues[queue].pass)
        queues[queue].pass += Double(reply.claims.count) / queues[queue].weight
        return [.run(queue: queue, session: number, reply.claims)] + plan(now)
    }

    mutating func exchangeFailed(
        queue: Int, session number: Int, take: Int, settlements: [Settlement], sessionLost: Bool, now: Instant
    ) -> [Action] {
        reserved -= take
        queues[queue].inUse -= take
        guard openSession == number else { return plan(now) }
        if sessionLost { return lost(session: number, now: now) }
        queues[queue].isExchanging = false
        isSuspectRunning = false
        queues[queue].acknowledgements.insert(contentsOf: settlements, at: 0)
        failures += 1
        let until = now + Self.backoff(failures)
        noClaimsUntil = until
        queues[queue].waiting = nil
        if !queues[queue].acknowledgements.isEmpty { queues[queue].oldestAcknowledgement = until }
        return plan(now)
    }

    /// - Parameter trouble: a run met infrastructure trouble: claims pause with back-off.
    mutating func finished(
        queue: Int, session number: Int, jobs: Int, _ settlements: [Settlement], trouble: Bool, now: Instant
    ) -> [Action] {
        running -= jobs
        queues[queue].inUse -= jobs
        if trouble {
            troubles += 1
            noClaimsUntil = now + Self.backoff(troubles)
        } else {
            troubles = 0
        }
        if openSession == number { acknowledge(queue, settlements, now) }
        return plan(now)
    }

    /// - Parameter found: `nil` if the peek failed.
    mutating func peeked(queue: Int, found: Bool?, now: Instant) -> [Action] {
        queues[queue].isPeeking = false
        switch found {
        case .some:
            // Also when its time was over: suspects come to another list, which no peek sees.
            if queues[queue].waiting == 0 { worthALook(queue) }
        case nil:
            if queues[queue].waiting == 0 { queues[queue].lookAt = now + Self.fallback }
        }
        return plan(now)
    }

    /// Other weights from now on.
    ///
    /// - Parameter weights: of the queues there are, in their order, then of new ones; `nil` for one that is no longer
    ///   worked on.
    mutating func reweigh(_ weights: [Int?], now: Instant) -> [Action] {
        // A session that is to be opened will cover new queues, one that is open or on its way does not.
        let willJoin = if case .closed = session { true } else { false }
        for (index, weight) in weights.enumerated() {
            if index == queues.count {
                var queue = Queue(weight: 1)
                queue.pass = floor
                queue.isJoined = willJoin
                queues.append(queue)
            }
            queues[index].isRetired = weight == nil
            if let weight { queues[index].weight = Double(weight) }
        }
        return plan(now)
    }

    /// A queue waits for the session to cover it.
    var needsExtension: Bool { openSession != nil && queues.contains { !$0.isRetired && !$0.isJoined } }

    mutating func extended(session number: Int, now: Instant) -> [Action] {
        guard openSession == number else { return [] }
        for index in queues.indices { queues[index].isJoined = true }
        return plan(now)
    }

    /// - Parameter isQuiet: claims stop; false lets them go on.
    mutating func quiet(_ isQuiet: Bool, now: Instant) -> [Action] {
        self.isQuiet = isQuiet
        return plan(now)
    }

    mutating func stop(now: Instant) -> [Action] {
        isStopping = true
        return plan(now)
    }

    private mutating func acknowledge(_ queue: Int, _ settlements: [Settlement], _ now: Instant) {
        if settlements.isEmpty { return }
        queues[queue].acknowledgements.append(contentsOf: settlements)
        if queues[queue].oldestAcknowledgement == nil { queues[queue].oldestAcknowledgement = now }
    }
}
