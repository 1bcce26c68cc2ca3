/// The handlers that run now, and the tasks they run in.
struct RunTable {
    typealias Instant = ContinuousClock.Instant

    struct Run {
        let kind: String
        let claims: [Claim]
        let queue: Int
        let session: Int
        let state: RunState
        let task: Task<Void, Never>?
        var cancelledAt: Instant?
        var isReportedStuck = false

        mutating func cancel(_ reason: RunState.Stop, at now: Instant = .now) {
            guard state.cancel(reason) else { return }
            cancelledAt = now
            task?.cancel()
        }
    }

    /// Number of the next run that is inserted.
    private(set) var nextNumber = 1
    private var runs: [Int: Run] = [:]

    @discardableResult mutating func insert(_ run: Run) -> Int {
        defer { nextNumber += 1 }
        runs[nextNumber] = run
        return nextNumber
    }

    /// Claims that end without a handler.
    mutating func insert(claims: Int, queue: Int, session: Int) -> Int {
        let placeholder = Claim(id: "", kind: "", queue: "", args: [])
        return insert(
            Run(
                kind: "", claims: Array(repeating: placeholder, count: claims), queue: queue, session: session,
                state: RunState(deadline: .now + .seconds(3600)), task: nil))
    }

    /// Runs reported as stuck that still go on.
    var stuck: Int { runs.values.count { $0.isReportedStuck } }

    mutating func remove(_ number: Int) -> Run? { runs.removeValue(forKey: number) }

    mutating func cancel(session: Int) {
        for number in runs.keys where runs[number]?.session == session { runs[number]?.cancel(.sessionLost) }
    }

    /// Cancels the handlers of these claims. A batch that holds some of them is interrupted, so that nothing of it is
    /// committed that was not yet, and goes on without them.
    mutating func cancel(_ cancelled: Set<Cancellation>) {
        if cancelled.isEmpty { return }
        for number in runs.keys {
            guard let run = runs[number] else { continue }
            let mine = Set(run.claims.filter { cancelled.contains($0.cancellation) }.map(\.id))
            if mine.isEmpty { continue }
            if run.claims.allSatisfy({ mine.contains($0.id) || run.state.withdrawn.contains($0.id) }) {
                runs[number]?.cancel(.cancelled)
            } else if run.state.withdraw(mine) {
                run.task?.cancel()
            }
        }
    }

    mutating func cancelAll(_ reason: RunState.Stop) {
        for number in runs.keys { runs[number]?.cancel(reason) }
    }

    /// Cancels what is over its time.
    ///
    /// - Returns: runs that were cancelled `stuckAfter` ago and still go on; each is returned once.
    mutating func overdue(_ now: Instant, stuckAfter: Duration) -> [Run] {
        var stuck: [Run] = []
        for number in runs.keys {
            guard let run = runs[number] else { continue }
            if let cancelledAt = run.cancelledAt {
                if !run.isReportedStuck, now - cancelledAt >= stuckAfter {
                    runs[number]?.isReportedStuck = true
                    stuck.append(run)
                }
            } else if run.state.deadline <= now {
                runs[number]?.cancel(.timeout, at: now)
            }
        }
        return stuck
    }
}

/// Puts claims of one kind together for its handler.
enum Batches {
    static func split(_ claims: [Claim], size: Int, alone: (Claim) -> Bool) -> [[Claim]] {
        if size == 1 { return claims.map { [$0] } }
        var batches: [[Claim]] = []
        var batch: [Claim] = []
        for claim in claims {
            if alone(claim) {
                batches.append([claim])
                continue
            }
            batch.append(claim)
            if batch.count == size {
                batches.append(batch)
                batch = []
            }
        }
        if !batch.isEmpty { batches.append(batch) }
        return batches
    }
}
