import Testing

@testable import Jobs

extension ScheduleRun {
    func process(_ worker: Int) -> String { "\(world.process)w\(worker)" }

    mutating func drop(_ worker: Int) {
        workers[worker].session = nil
        workers[worker].held = []
        workers[worker].settled = []
    }

    mutating func open(_ worker: Int, namesPredecessor: Bool = true) async throws {
        workers[worker].number += 1
        let session = "\(process(worker)).\(workers[worker].number)"
        let before = namesPredecessor ? workers[worker].predecessor : nil
        for attempt in 1... {
            do {
                try await world.workers[worker].open(session: session, lease: .seconds(100_000), predecessor: before)
                break
            } catch {
                // A refused session ends its connection; the open may meet that end.
                if error.code != .unavailable || attempt == 100 { throw error }
            }
        }
        model.open(session, after: before)
        drop(worker)
        workers[worker].session = session
        workers[worker].predecessor = session
        workers[worker].isConnectionLost = false
        workers[worker].nextSlot = 1
    }

    /// In the name of the worker's session: works while it is alive on its own connection, else must be refused.
    ///
    /// - Parameter minds: the call is refused on another connection than the session's, too.
    mutating func asHolder<R>(
        _ worker: Int, alive: Bool, minds: Bool = true, _ body: (any JobStore) async throws -> R
    ) async throws -> R? {
        let mayWork = alive && !(minds && workers[worker].isConnectionLost)
        do {
            let answer = try await body(world.workers[worker])
            try Self.expect("a call of \(workers[worker].session ?? "")", "works", mayWork ? "works" : "refuses")
            return answer
        } catch let error as StoreError where error.code == .sessionLost && !mayWork {
            drop(worker)
            return nil
        }
    }

    mutating func exchange(
        _ worker: Int, _ queue: Int, suspects: Bool, take: Int, _ settle: [Settling]
    ) async throws {
        guard let session = workers[worker].session else { return try await open(worker) }
        let name = world.queues[queue]
        var settlements: [(Claim, ChangeSpec)] = []
        for settling in settle {
            let places = workers[worker].held.indices.filter { workers[worker].held[$0].queue == name }
            if places.isEmpty { break }
            settlements.append(
                (workers[worker].held.remove(at: places[settling.held % places.count]), settling.change))
        }
        let slot = workers[worker].nextSlot
        workers[worker].nextSlot += take
        let exchange = Exchange(
            queue: name, session: session, lane: suspects ? .suspect : .ready,
            settlements: settlements.map { Settlement($0, $1.change) }, take: take, firstSlot: slot)
        guard
            let reply = try await asHolder(
                worker, alive: model.sessions[queue][session] != nil, { try await $0.exchange(exchange) })
        else { return }
        if !settlements.isEmpty { workers[worker].settled = settlements.map(\.0) }
        for (claim, change) in settlements {
            model.settle(queue, .init(session: session, slot: claim.slot), change, now)
        }
        let (claims, unusable) = model.take(queue, session, suspects: suspects, take, from: slot, now) { place in
            place < reply.claims.count ? reply.claims[place].id : "?"
        }
        try Self.expect(
            "claims", reply.claims.map { $0.text }, claims.enumerated().map { model.jobs[$1].claimText(slot + $0) })
        try Self.expect("paused", reply.isPaused, model.paused.contains(queue))
        try Self.expect(
            "left", [reply.waiting, reply.suspects], [model.ready[queue].count, model.suspect[queue].count])
        workers[worker].held += reply.claims
        if unusable > 0 { try await adoptUnusable(queue, unusable) }
    }

    /// An unusable push is dead under a name that the store made.
    private mutating func adoptUnusable(_ queue: Int, _ count: Int) async throws {
        let page = try await world.door.jobs(
            JobFilter(state: .dead, queue: world.queues[queue]), cursor: nil, limit: 200)
        let unknown = page.jobs.filter { model.index(queue, $0.id) == nil }
        try Self.expect("unusable pushes", unknown.count, count)
        for job in unknown {
            model.names[.init(queue: queue, text: job.id)] = model.jobs.count
            model.jobs.append(
                .init(id: job.id, queue: queue, kind: "", args: "{}", state: .dead, ended: now, error: "bad_args"))
        }
    }

    mutating func beat(_ worker: Int) async throws {
        guard let session = workers[worker].session else { return }
        let info = WorkerInfo(process: process(worker), host: "h", pid: 1, version: "1", startedAt: 0)
        if !workers[worker].isConnectionLost { model.registered.insert(info.process) }
        let alive = model.sessions[0][session] != nil
        let lease = Duration.seconds(100_000)
        guard
            try await asHolder(
                worker, alive: alive, { try await $0.beat(session: session, lease: lease, worker: info) }) != nil
        else { return }
        for queue in 0..<2 { model.sessions[queue][session] = 0 }
    }

    mutating func moveOn(_ worker: Int, _ held: Int, _ operation: Operation) async throws {
        guard let session = workers[worker].session, !workers[worker].held.isEmpty else { return }
        let claim = workers[worker].held[held % workers[worker].held.count]
        let queue = claim.queue == world.queues[0] ? 0 : 1
        let alive = model.sessions[queue][session] != nil
        let holder = model.jobs.firstIndex {
            $0.queue == queue && $0.holder == .init(session: session, slot: claim.slot)
        }
        if case .progress = operation {
            let answered: Void? = try await asHolder(worker, alive: alive, minds: false) {
                try await $0.progress(
                    session: session, queue: claim.queue, slot: claim.slot, id: claim.id,
                    .init(done: claim.slot, total: 99))
            }
            if answered != nil, let holder { model.jobs[holder].progress = "\(claim.slot)/99" }
        } else {
            let answered: Void? = try await asHolder(worker, alive: alive, minds: false) {
                try await $0.checkpoint(session: session, queue: claim.queue, id: claim.id)
            }
            if answered != nil, let index = model.index(queue, claim.id) { model.jobs[index].crashes = 0 }
        }
    }
}
