internal import Logging

/// Runs the handler of a kind for some claims and says what is to be written.
struct HandlerRunner: Sendable {
    struct Result: Sendable {
        var settlements: [Settlement] = []
        /// A run met infrastructure trouble.
        var trouble = false
        /// Claims of a batch that was interrupted for another's sake: they run again, nothing is spent.
        var rerun: [Claim] = []
    }

    let snooze: Duration
    let isInfrastructure: @Sendable (any Error) -> Bool
    let metrics: JobMetrics

    /// - Returns: one settlement a claim, except for those that run again and those that are no longer ours.
    func run(_ kind: Kind, _ claims: [Claim], _ context: JobContext, _ state: RunState) async -> Result {
        let start = ContinuousClock.now
        do {
            let outcomes = try await kind.run(claims, context)
            guard outcomes.count == claims.count else {
                throw JobError(
                    code: EngineCode.failed,
                    message: "the handler of \(kind.name) gave \(outcomes.count) outcomes for \(claims.count) jobs")
            }
            let withdrawn = claims.count > 1 ? state.withdrawn : []
            if withdrawn.isEmpty { return settled(kind, claims, outcomes, since: start, context) }
            // It was faster than the interruption, or did not mind it. The cancelled ones are no longer ours.
            let kept = zip(claims, outcomes).filter { !withdrawn.contains($0.0.id) }
            return settled(kind, kept.map(\.0), kept.map(\.1), since: start, context)
        } catch {
            return await failed(kind, claims, error, context, state, since: start)
        }
    }

    private func settled(
        _ kind: Kind, _ claims: [Claim], _ outcomes: [Outcome], since start: ContinuousClock.Instant,
        _ context: JobContext
    ) -> Result {
        var result = Result()
        result.settlements.reserveCapacity(claims.count)
        var random = SystemRandomNumberGenerator()
        for (claim, outcome) in zip(claims, outcomes) {
            let change = Verdict.change(for: outcome, of: claim, kind: kind, using: &random)
            if let (code, text) = change.failure {
                context.logger.info(
                    "job failed",
                    metadata: [
                        "job.id": "\(claim.id)", "job.kind": "\(kind.name)", "attempt": "\(claim.attempt)",
                        "code": "\(code)", "outcome": "\(text)",
                    ])
            }
            result.settlements.append(Settlement(claim, change))
        }
        metrics.ran(kind.name, result.settlements, took: .now - start)
        return result
    }

    private func failed(
        _ kind: Kind, _ claims: [Claim], _ error: any Error, _ context: JobContext, _ state: RunState,
        since start: ContinuousClock.Instant
    ) async -> Result {
        switch state.stop {
        case .cancelled, .sessionLost:
            return Result()
        case .drain:
            return Result(settlements: claims.map { Settlement($0, .release) })
        case .timeout where !isInfrastructure(error):
            let outcome = Outcome.retry(code: EngineCode.timeout, message: "did not end within its time")
            return settled(kind, claims, claims.map { _ in outcome }, since: start, context)
        case .timeout, nil:
            break
        }
        if state.isInterrupted {
            return Result(rerun: claims.filter { [withdrawn = state.withdrawn] in !withdrawn.contains($0.id) })
        }
        if isInfrastructure(error) {
            context.logger.notice(
                "job waits for infrastructure",
                metadata: [
                    "trouble": "store", "job.kind": "\(kind.name)", "jobs": "\(claims.count)", "error": "\(error)",
                ])
            var result = settled(kind, claims, claims.map { _ in .snooze(for: snooze) }, since: start, context)
            result.trouble = true
            return result
        }
        if claims.count == 1 {
            return settled(kind, claims, [Verdict.outcome(for: error)], since: start, context)
        }
        context.logger.notice(
            "batch failed, its jobs run one at a time",
            metadata: ["job.kind": "\(kind.name)", "jobs": "\(claims.count)"])
        return await oneAtATime(kind, claims, context, state)
    }

    /// Isolates the bad job of a batch; the others lose nothing.
    private func oneAtATime(
        _ kind: Kind, _ claims: [Claim], _ context: JobContext, _ state: RunState
    ) async -> Result {
        var result = Result()
        for claim in claims {
            // The rest is another session's now.
            if state.stop == .sessionLost { break }
            if state.withdrawn.contains(claim.id) { continue }
            if state.isInterrupted {
                // The task is cancelled, and with it whatever would run in it.
                result.rerun.append(claim)
                continue
            }
            if state.stop == .drain || state.stop == .timeout || result.trouble {
                // Not begun: nobody's fault.
                result.settlements.append(Settlement(claim, .release))
                continue
            }
            state.restart(claim.id, deadline: .now + (claim.timeout ?? kind.timeout))
            let one = await run(kind, [claim], context.only(claim), state)
            result.settlements.append(contentsOf: one.settlements)
            result.rerun.append(contentsOf: one.rerun)
            result.trouble = result.trouble || one.trouble
        }
        return result
    }
}

extension Settlement.Change {
    /// Code of a failure and what follows from it.
    fileprivate var failure: (code: String, outcome: String)? {
        switch self {
        case .retry(_, let code, _): (code, "retry")
        case .dead(let code, _): (code, "dead")
        case .done, .snooze, .release: nil
        }
    }
}
