internal import Channels
internal import Jobs
internal import JobsPostgres
internal import Postgres

/// Writes down what an attempt's outcome means for its delivery, its channel and its recipient.
struct NotifySettlement: Sendable {
    let job: String
    let composer: MessageComposer

    struct Result: Sendable {
        /// nil: the delivery goes on at once, in another shape.
        let outcome: Jobs.Outcome?
        /// What operations should know.
        let alarm: String?
    }

    func settle(_ attempt: NotifyAttempt, _ outcome: Channels.Outcome, in tx: inout Transaction) throws -> Result {
        let key = attempt.channel.keyFingerprint
        var state = try ChannelStateStore.lock(attempt.channel, in: &tx)
        let breakerMoved = state.breaker.record(outcome, at: state.now)
        if breakerMoved || state.breaker.state != .closed {
            try ChannelStateStore.save(state.breaker, of: key, in: &tx)
        }
        var random = SystemRandomNumberGenerator()
        let decision = DeliveryRules.decide(
            outcome, attempt: attempt.number, wasAmbiguous: attempt.wasAmbiguous,
            policy: attempt.channel.ambiguousPolicy, now: state.now, expiresAt: attempt.expiresAt, using: &random)
        if let pause = decision.pause { try ChannelStateStore.pause(pause.key, until: pause.until, in: &tx) }
        if decision.splits, try split(attempt, in: &tx) { return Result(outcome: nil, alarm: decision.hint) }
        if decision.suppressesRecipient {
            try ChannelStateStore.suppress(
                attempt.recipient.key, channel: attempt.channel.name, reason: decision.code ?? "refused", in: &tx)
        }
        let wait = decision.nextAt.map { Duration.milliseconds(max(0, $0 - state.now)) }
        try DeliveryStore.mark(
            attempt.lead,
            .init(
                status: decision.status, isAmbiguous: Self.isAmbiguous(outcome), code: decision.code,
                hint: decision.hint, providerID: Self.providerID(outcome), wait: wait,
                countsAttempt: decision.countsAttempt), in: &tx)
        let end = jobOutcome(decision, wait, state)
        if case .done = end { _ = try Receipts.take(job, kind: NotifyJob.kindName, in: &tx) }
        return Result(outcome: end, alarm: decision.status == .sent ? decision.hint : decision.code)
    }

    private func jobOutcome(
        _ decision: DeliveryRules.Decision, _ wait: Duration?, _ state: ChannelStateStore.State
    ) -> Jobs.Outcome {
        switch decision.status {
        case .retry where decision.countsAttempt:
            return .retry(after: wait, code: decision.code ?? "retry", message: decision.hint ?? "not delivered")
        case .retry: return .snooze(for: max(wait ?? .seconds(1), .milliseconds(50)))
        case .held:
            // The next probe's turn; without one only a person closes the breaker.
            if case .open(let probeAt?, _, _) = state.breaker.state {
                return .snooze(for: .milliseconds(max(1000, probeAt - state.now)))
            }
            return .done(result: Array("{\"state\":\"held\"}".utf8))
        default: return .done(result: Array("{\"state\":\"\(decision.status.rawValue)\"}".utf8))
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
            let deliveries = members.filter { half.contains(Int64($0.id)) }
            let digest = try composer.group(deliveries, mentions: try RecipientStore.mentions(of: deliveries, in: &tx))
            let bodies = attempt.channel.bodies(for: digest, to: attempt.recipient)
            // Half of what fitted one message fits one message.
            try DeliveryStore.regroup(deliveries.map(\.id), body: bodies[0], in: &tx)
        }
        return true
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
