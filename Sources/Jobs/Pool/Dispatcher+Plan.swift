extension Dispatcher {
    /// What is to be done in the state as it is.
    mutating func plan(_ now: Instant) -> [Action] {
        switch session {
        case .opening:
            return []
        case .closed(let retryAt):
            if isStopping { return drainedOnce(running == 0) }
            if retryAt > now { return [.wake(at: retryAt)] }
            number += 1
            session = .opening(number)
            for index in queues.indices { queues[index].isJoined = true }
            return [.open(session: number, predecessor: predecessor)]
        case .open(let number):
            var actions: [Action] = []
            look(now)
            if suspectsRun == .only, isQuiet || queues.allSatisfy(\.isOutOfSuspects) { isStopping = true }
            if mayClaim(now, &actions) {
                switch suspectsRun {
                case .alone:
                    planSuspect(number, now, &actions)
                    planClaims(number, now, &actions)
                    planPeeks(&actions)
                case .elsewhere:
                    planClaims(number, now, &actions)
                    planPeeks(&actions)
                case .only:
                    planNextSuspect(number, &actions)
                }
            }
            planAcknowledgements(number, now, &actions)
            if !isQuiet, suspectsRun != .only {
                for queue in queues where queue.isWorked {
                    if let at = queue.lookAt { actions.append(.wake(at: at)) }
                }
            }
            let idle = running == 0 && queues.allSatisfy { !$0.isExchanging && $0.acknowledgements.isEmpty }
            return actions + (isStopping ? drainedOnce(idle) : [])
        }
    }

    private mutating func drainedOnce(_ isIdle: Bool) -> [Action] {
        guard isIdle, !hasDrained else { return [] }
        hasDrained = true
        return [.drained]
    }

    private mutating func look(_ now: Instant) {
        for index in queues.indices {
            guard let at = queues[index].lookAt, at <= now else { continue }
            queues[index].lookAt = nil
            worthALook(index)
        }
    }

    /// A queue that was known to be empty may hold work again.
    mutating func worthALook(_ index: Int) {
        queues[index].waiting = nil
        queues[index].pass = max(queues[index].pass, floor)
    }

    private mutating func mayClaim(_ now: Instant, _ actions: inout [Action]) -> Bool {
        if isStopping || isQuiet { return false }
        guard let until = noClaimsUntil else { return true }
        if until > now {
            actions.append(.wake(at: until))
            return false
        }
        noClaimsUntil = nil
        return true
    }

    private var free: Int { concurrency - running - reserved }

    /// A suspect runs alone in this process: once nothing else does, and claims stop after a while to let it.
    private mutating func planSuspect(_ session: Int, _ now: Instant, _ actions: inout [Action]) {
        if isSuspectRunning {
            if running == 0 && reserved == 0 { isSuspectRunning = false } else { return }
        }
        guard let queue = queues.firstIndex(where: { $0.suspects > 0 && $0.lookAt == nil && $0.isWorked }) else {
            suspectsSince = nil
            return
        }
        let since = suspectsSince ?? now
        suspectsSince = since
        if running == 0, reserved == 0, !queues[queue].isExchanging {
            isSuspectRunning = true
            actions.append(exchange(queue, session, .suspect, take: 1))
        } else if since + Self.suspectPatience > now {
            actions.append(.wake(at: since + Self.suspectPatience))
        }
    }

    /// The next one, when the last has ended; its acknowledgement rides on the claim.
    private mutating func planNextSuspect(_ session: Int, _ actions: inout [Action]) {
        guard running == 0, reserved == 0 else { return }
        guard let next = queues.firstIndex(where: { !$0.isOutOfSuspects && !$0.isExchanging }) else { return }
        actions.append(exchange(next, session, .suspect, take: 1))
    }

    private mutating func planClaims(_ session: Int, _ now: Instant, _ actions: inout [Action]) {
        if isSuspectRunning { return }
        if let since = suspectsSince, since + Self.suspectPatience <= now { return }
        var left = free
        if left <= 0 { return }
        // An exchanging queue will want its share in a moment: nobody else gets it meanwhile.
        let active = queues.indices.filter { queues[$0].mayHoldWork }
        let candidates = active.filter { !queues[$0].isExchanging }.sorted { queues[$0].pass < queues[$1].pass }
        guard let first = candidates.first else { return }
        let total = active.reduce(0) { $0 + queues[$1].weight }
        if waitsForCompany(queues[first], share: queues[first].weight / total, now, &actions) { return }
        for index in candidates where left > 0 {
            let share = Int((Double(concurrency) * queues[index].weight / total).rounded(.up))
            let take = min(left, share - queues[index].inUse, Self.batch(waiting: queues[index].waiting))
            if take <= 0 { continue }
            left -= take
            actions.append(exchange(index, session, .ready, take: take))
        }
    }

    /// Under load free slots wait a moment for those that are about to come free: an exchange costs Redis much the same
    /// whatever its size, and of two that alternate each keeps the size it happens to have, one job here, the rest there.
    /// A queue that has not got its share yet does not wait.
    private mutating func waitsForCompany(
        _ queue: Queue, share: Double, _ now: Instant, _ actions: inout [Action]
    ) -> Bool {
        let hasShare = Double(queue.inUse) * 4 > Double(concurrency) * share
        guard hasShare, free * 4 < concurrency * 3, let waiting = queue.waiting, waiting > free else {
            shortOfSlotsSince = nil
            return false
        }
        let since = shortOfSlotsSince ?? now
        shortOfSlotsSince = since
        if since + slotWait <= now {
            shortOfSlotsSince = nil
            return false
        }
        actions.append(.wake(at: since + slotWait))
        return true
    }

    /// 1 while the list is short or unknown, up to 256 under load; half of what waits leaves some to other processes.
    static func batch(waiting: Int?) -> Int {
        guard let waiting else { return 1 }
        return min(JobLimits.exchange, max(1, (waiting + 1) / 2))
    }

    private mutating func planPeeks(_ actions: inout [Action]) {
        guard free > 0, !isSuspectRunning else { return }
        for index in queues.indices {
            let queue = queues[index]
            guard queue.isWorked, queue.waiting == 0, queue.lookAt == nil, !queue.isPeeking, !queue.isExchanging
            else { continue }
            queues[index].isPeeking = true
            actions.append(.peek(queue: index))
        }
    }

    private mutating func planAcknowledgements(_ session: Int, _ now: Instant, _ actions: inout [Action]) {
        for index in queues.indices {
            guard !queues[index].isExchanging, let oldest = queues[index].oldestAcknowledgement else { continue }
            // A store that refuses at once is not asked again at once.
            if oldest > now {
                actions.append(.wake(at: oldest))
                continue
            }
            let due = oldest + Self.companyWait
            if due <= now || isStopping || queues[index].acknowledgements.count >= JobLimits.exchange {
                actions.append(exchange(index, session, .ready, take: 0))
            } else {
                actions.append(.wake(at: due))
            }
        }
    }

    private mutating func exchange(_ index: Int, _ session: Int, _ lane: Lane, take: Int) -> Action {
        let all = queues[index].acknowledgements
        let settlements = Array(all.prefix(JobLimits.exchange))
        queues[index].acknowledgements = Array(all.dropFirst(settlements.count))
        if queues[index].acknowledgements.isEmpty { queues[index].oldestAcknowledgement = nil }
        let firstSlot = queues[index].nextSlot
        queues[index].nextSlot += take
        queues[index].isExchanging = true
        queues[index].inUse += take
        reserved += take
        return .exchange(
            queue: index, session: session, lane, settlements: settlements, take: take, firstSlot: firstSlot)
    }
}
