internal import Channels
internal import Jobs
internal import JobsPostgres
internal import Postgres

/// Writes down what an attempt's outcome means for its delivery, its channel and its recipient.
struct NotifySettlement: Sendable {
    let job: String
    /// The job's own; the message may have been another's.
    let delivery: Int
    let composer: MessageComposer

    struct Result: Sendable {
        /// nil: the delivery goes on at once, in another shape.
        let outcome: Jobs.Outcome?
        /// What operations should know.
        let alarm: String?
    }

    /// Does nothing if the attempt is not open any more: it was written down before, or its lease ended and somebody
    /// else goes on.
    func settle(_ attempt: NotifyAttempt, _ outcome: Channels.Outcome, in tx: inout Transaction) throws -> Result {
        let state = try ChannelStateStore.lock(attempt.channel, in: &tx)
        guard
            try DeliveryStore.accepts(
                attempt.lead, owner: job, attempt: attempt.number, isDelivered: Self.isDelivered(outcome), in: &tx)
        else { return Result(outcome: nil, alarm: nil) }
        return try write(attempt, outcome, state, in: &tx)
    }

    /// - Parameter state: of the channel, locked, as is the delivery.
    func write(
        _ attempt: NotifyAttempt, _ outcome: Channels.Outcome, _ state: ChannelStateStore.State,
        in tx: inout Transaction
    ) throws -> Result {
        var breaker = state.breaker
        _ = breaker.record(outcome, at: state.now)
        if breaker != state.breaker {
            try ChannelStateStore.save(breaker, of: attempt.channel.keyFingerprint, in: &tx)
        }
        var random = SystemRandomNumberGenerator()
        let decision = DeliveryRules.decide(
            outcome, attempt: attempt.number, wasAmbiguous: attempt.wasAmbiguous,
            policy: attempt.channel.ambiguousPolicy, now: state.now, expiresAt: attempt.expiresAt, using: &random)
        if let pause = decision.pause { try ChannelStateStore.pause(pause.key, until: pause.until, in: &tx) }
        if decision.splits, try split(attempt, in: &tx) { return Result(outcome: nil, alarm: decision.hint) }
        if decision.suppressesRecipient {
            try ChannelStateStore.suppress(
                attempt.to, channel: attempt.channel.name, reason: decision.code ?? "refused", in: &tx)
        }
        try DeliveryStore.mark(
            attempt.lead,
            .init(
                status: decision.status, isAmbiguous: Self.isAmbiguous(outcome), code: decision.code,
                hint: decision.hint, providerID: Self.providerID(outcome), nextAt: decision.nextAt,
                countsAttempt: decision.countsAttempt), in: &tx)
        let end = jobOutcome(decision, now: state.now, isAmbiguous: Self.isAmbiguous(outcome))
        if case .done = end, attempt.lead == delivery { _ = try Receipts.take(job, kind: NotifyJob.kindName, in: &tx) }
        return Result(outcome: end, alarm: decision.status == .sent ? decision.hint : decision.code)
    }

    /// The delivery counts its attempts itself. The job only sleeps in between: one that crashed, or that waited for
    /// other deliveries' messages, must not be dead before its delivery is.
    private func jobOutcome(
        _ decision: DeliveryRules.Decision, now: Int64, isAmbiguous: Bool
    ) -> Jobs.Outcome {
        switch decision.status {
        case .retry: .snooze(for: .milliseconds(max(50, (decision.nextAt ?? now) - now)))
        case .held where !isAmbiguous: .snooze(for: NotifyPreparation.heldWait)
        default: .done(result: Array("{\"state\":\"\(decision.status.rawValue)\"}".utf8))
        }
    }

    /// A digest that the provider refuses is cut in halves, until the item at fault stands alone.
    ///
    /// - Returns: false if there is nothing to cut.
    private func split(_ attempt: NotifyAttempt, in tx: inout Transaction) throws -> Bool {
        let members = try DeliveryStore.members(of: attempt.lead, in: &tx)
        guard members.count > 1, case .halves(let first, let second) = DigestPlan.bisect(members.map { Int64($0.id) })
        else { return false }
        for half in [first, second] {
            var rest = members.filter { half.contains(Int64($0.id)) }
            // Half of what fitted one message fits one message, unless people's names or mentions have grown since.
            while !rest.isEmpty {
                let message = try GroupMessage.fitting(rest, attempt.channel, composer, in: &tx)
                try DeliveryStore.regroup(message, in: &tx)
                rest.removeFirst(message.members.count)
            }
        }
        return true
    }

    private static func isDelivered(_ outcome: Channels.Outcome) -> Bool {
        switch outcome {
        case .delivered, .accepted, .partial: true
        default: false
        }
    }

    private static func isAmbiguous(_ outcome: Channels.Outcome) -> Bool {
        if case .ambiguous = outcome { true } else { false }
    }

    private static func providerID(_ outcome: Channels.Outcome) -> String? {
        switch outcome {
        case .delivered(let id, _): id
        case .accepted(let id): id
        default: nil
        }
    }
}
