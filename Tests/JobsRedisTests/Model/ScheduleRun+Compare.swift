@testable import Jobs

extension ScheduleRun {
    enum Depth { case sums, listings, everything }

    func compare(_ depth: Depth) async throws {
        let views = try await world.door.queues()
        for queue in 0..<2 {
            let name = world.queues[queue]
            let census = try await world.door.census(name)
            try Self.expect("census of \(queue)", census.text, model.census(queue).text)
            try Self.expect("difference of \(queue)", census.difference, 0)
            let view = views.first { $0.name == name }
            try Self.expect("view of \(queue)", view?.text ?? "none", model.view(queue))
        }
        if depth == .sums { return }
        for queue in 0..<2 {
            let page = try await world.door.jobs(JobFilter(queue: world.queues[queue]), cursor: nil, limit: 200)
            try Self.expect("listing of \(queue)", sortedFront(page.jobs), model.listing(queue))
            for view in page.jobs {
                let index = model.index(queue, view.id)
                try Self.expect("job \(view.id)", view.text, index.map { model.jobs[$0].text } ?? "none")
            }
        }
        if depth == .listings { return }
        // Also those that are nobody's name any more.
        for name in Set(model.jobs.map { QueueModel.Name(queue: $0.queue, text: $0.id) }) {
            let view = try await world.door.job(name.text)
            let index = model.index(name.queue, name.text)
            try Self.expect("job \(name.text)", view?.text, index.map { model.jobs[$0].text })
        }
    }

    /// The running ones come in no order that is promised.
    private func sortedFront(_ jobs: [JobView]) -> [String] {
        let running = jobs.prefix { $0.state == .running }
        return running.map(\.id).sorted() + jobs.dropFirst(running.count).map(\.id)
    }
}

extension QueueModel {
    func census(_ queue: Int) -> Census {
        let all = jobs.filter { $0.queue == queue }
        var census = Census()
        census.enqueued = all.count
        census.succeeded = all.count { ($0.wasFinished ?? $0.state) == .succeeded }
        census.cancelled = all.count { ($0.wasFinished ?? $0.state) == .cancelled && !$0.isListed }
        census.discarded = all.count { ($0.wasFinished ?? $0.state) == .discarded && !$0.isListed }
        census.waiting = ready[queue].count { if case .job = $0 { true } else { false } }
        census.foreign = ready[queue].count - census.waiting
        census.suspect = suspect[queue].count
        census.delayed = all.count { $0.state == .scheduled || $0.state == .retrying }
        census.inFlight = all.count { $0.state == .running }
        census.dead = all.count { $0.state == .dead }
        return census
    }

    func view(_ queue: Int) -> String {
        let census = census(queue)
        let depth = ready[queue].count + suspect[queue].count
        return "paused \(paused.contains(queue)) depth \(depth) running \(census.inFlight) "
            + "suspects \(census.suspect) delayed \(census.delayed) dead \(census.dead)"
    }

    func listing(_ queue: Int) -> [String] {
        let running = jobs.filter { $0.queue == queue && $0.state == .running }.map(\.id).sorted()
        let waiting = ready[queue].compactMap { if case .job(let index) = $0 { index } else { nil } } + suspect[queue]
        let later = waiting.filter { jobs[$0].state == .queued } + due(queue, by: .max)
        let gone = ended(queue, [.dead]).reversed() + ended(queue, [.succeeded, .cancelled]).reversed()
        return running + (later + gone).map { jobs[$0].id }
    }
}

extension QueueModel.Job {
    var text: String {
        let isFinished = [.succeeded, .dead, .cancelled].contains(state)
        return "\(state) attempt \(attempt) kind \(kind) args \(args) key \(key ?? "-") error \(error ?? "-") "
            + "result \(result ?? "-") progress \(progress ?? "-") "
            + "run \(due != nil) started \(hasStarted) finished \(isFinished)"
    }

    func claimText(_ slot: Int) -> String { "\(id) \(kind) \(args) attempt \(attempt) slot \(slot) key \(key != nil)" }
}

extension JobView {
    fileprivate var text: String {
        "\(state) attempt \(attempt) kind \(kind) args \(String(decoding: args, as: UTF8.self)) key \(key ?? "-") "
            + "error \(error?.code ?? "-") result \(result.map { String(decoding: $0, as: UTF8.self) } ?? "-") "
            + "progress \(progress.map { "\($0.done)/\($0.total)" } ?? "-") "
            + "run \(runAt != nil) started \(startedAt != nil) finished \(finishedAt != nil)"
    }
}

extension Claim {
    var text: String {
        "\(id) \(kind) \(String(decoding: args, as: UTF8.self)) attempt \(attempt) slot \(slot) key \(hasKey)"
    }
}

extension Census {
    fileprivate var text: String {
        "enqueued \(enqueued) succeeded \(succeeded) cancelled \(cancelled) discarded \(discarded) waiting \(waiting) "
            + "delayed \(delayed) inFlight \(inFlight) suspect \(suspect) dead \(dead) foreign \(foreign)"
    }
}

extension QueueView {
    fileprivate var text: String {
        "paused \(isPaused) depth \(depth) running \(running) suspects \(suspects) delayed \(delayed) dead \(dead)"
    }
}

extension ChangeResult {
    var text: String {
        switch self {
        case .changed: "changed"
        case .missing: "missing"
        case .state(let state): "state \(state)"
        case .keyInUse(let id): "key \(id)"
        }
    }
}

extension Enqueued {
    var text: String {
        switch outcome {
        case .created: "\(id) created"
        case .existing(let by): "\(id) \(by)"
        case .idempotencyMismatch: "\(id) mismatch"
        case .refused: "\(id) refused"
        }
    }
}

extension ChangeSpec {
    var change: Settlement.Change {
        switch self {
        case .done: .done(result: nil, code: nil, message: "")
        case .result(let text): .done(result: Array(text.utf8), code: nil, message: "")
        case .tooLarge: .done(result: nil, code: EngineCode.resultTooLarge, message: "m")
        case .dead: .dead(code: "d", message: "m")
        case .retry(let delay): .retry(after: .milliseconds(delay), code: "r", message: "m")
        case .snooze(let delay): .snooze(for: .milliseconds(delay))
        case .release: .release
        }
    }
}

extension JobSpec {
    func job(_ queues: [String]) -> NewJob {
        NewJob(
            id: id, kind: kind, args: Array(args.utf8), queue: queues[queue], delay: delay.map { .milliseconds($0) },
            key: key, idempotency: idempotency.map { Idempotency(user: "u", key: $0.key, bodyHash: $0.hash) })
    }
}
