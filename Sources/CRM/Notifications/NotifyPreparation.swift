internal import Channels
internal import JobsPostgres
internal import Postgres

/// Decides what to do about a delivery, and stores the message and the lease before it is sent.
struct NotifyPreparation: Sendable {
    let job: String
    let channels: [String: any Channel]
    let composer: MessageComposer

    /// Deliveries looked at for one digest.
    private static let queueLimit = 500
    /// How much later each waiting delivery looks again than the one before it: they take turns instead of all coming
    /// when the limit lets one through.
    private static let turnWait = Duration.milliseconds(100)
    /// Time between looks at a delivery that waits for its channel to be put right.
    static let heldWait = Duration.seconds(120)

    func prepare(_ id: Int, in tx: inout Transaction) throws -> NotifyJob.Prepared {
        guard let name = try DeliveryStore.channel(of: id, in: &tx) else { return try ended("missing", in: &tx) }
        let channel = channels[name]
        // The channel before the delivery, here and everywhere: jobs of one group that come at the same moment would
        // else each hold their own row back from the digest of the others.
        let state = try channel.map { try ChannelStateStore.lock($0, in: &tx) }
        if let channel, let state, channel.limits.mergesDeliveries,
            let left = try DeliveryStore.leased(by: job, channel: name, besides: id, in: &tx)
        {
            // A message of the group that this job was sending for another when its process died: nobody else asks for
            // it while the lease lasts.
            _ = try interrupted(left, channel, state, of: id, in: &tx)
            return .again(nil)
        }
        guard let delivery = try DeliveryStore.lock(id, in: &tx) else { return try ended("missing", in: &tx) }
        switch delivery.status {
        case .sent, .accepted, .partial, .merged, .suppressed, .dead, .ambiguous:
            return try ended(delivery.status.rawValue, in: &tx)
        case .leased where delivery.leaseOwner != job && !delivery.leaseEnded: return .wait(.seconds(5))
        case .leased, .pending, .retry, .held: break
        }
        guard let channel, let state else {
            if delivery.isExpired { return try expire(delivery, in: &tx) }
            return try hold(delivery, "no_channel", "jobs.conf 中没有启用这个渠道", in: &tx)
        }
        if delivery.status == .leased { return try interrupted(delivery, channel, state, of: id, in: &tx) }
        if delivery.status == .held, delivery.wasAmbiguous, channel.ambiguousPolicy == .hold {
            return try ended(delivery.status.rawValue, in: &tx)
        }
        if delivery.isExpired { return try expire(delivery, in: &tx) }
        if let wait = delivery.wait { return .wait(wait) }
        guard let found = try RecipientStore.find(delivery.recipient, in: &tx) else {
            return try give(up: delivery, .dead, "no_recipient", "收件人已不存在或已离职", in: &tx)
        }
        if let chosen = found.channels, !chosen.contains(channel.name) {
            return try give(up: delivery, .suppressed, "preference", "收件人未订阅这个渠道", in: &tx)
        }
        if try ChannelStateStore.isSuppressed(found, channel: channel.name, in: &tx) {
            return try give(up: delivery, .suppressed, "suppressed", "这个地址此前被拒绝，已停止发送", in: &tx)
        }
        return try pass(delivery, channel, found, state, in: &tx)
    }

    /// The process that sent it did not live to say how it ended.
    ///
    /// - Parameter own: the delivery that this job is for.
    private func interrupted(
        _ delivery: DeliveryStore.Delivery, _ channel: any Channel, _ state: ChannelStateStore.State, of own: Int,
        in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        let attempt = NotifyAttempt(
            lead: delivery.id, channel: channel, to: .group,
            body: FrozenBody(bytes: [], contentType: "", items: 0..<0), number: max(1, delivery.attempt),
            wasAmbiguous: delivery.wasAmbiguous, expiresAt: delivery.expiresAt)
        let why = Outcome.Why(code: "interrupted", text: "the sending process ended before the answer")
        return .again(
            try NotifySettlement(job: job, delivery: own, composer: composer)
                .write(attempt, .ambiguous(why: why), state, in: &tx).outcome)
    }

    /// Through the breaker and the limiter, one message of the channel at a time.
    private func pass(
        _ delivery: DeliveryStore.Delivery, _ channel: any Channel, _ found: RecipientStore.Found,
        _ state: ChannelStateStore.State, in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        var state = state
        if let quiet = channel.quietHours.compactMap({ $0.remaining(at: state.minute) }).max() {
            return .wait(.seconds(60 * quiet))
        }
        if !state.breaker.admits(at: state.now), case .open(_, let code, let hint) = state.breaker.state {
            return try hold(delivery, code, hint, in: &tx)
        }
        let free = state.window.nextFree(at: state.now)
        guard free <= state.now else {
            let ahead = try DeliveryStore.ahead(of: delivery, in: &tx)
            return .wait(.milliseconds(free - state.now) + Self.turnWait * ahead)
        }
        if let body = delivery.frozenBody { return try lease(delivery, body, channel, found, state, in: &tx) }
        if channel.limits.mergesDeliveries { return try gather(delivery, channel, state, in: &tx) }
        let bodies = channel.bodies(for: composer.personal(delivery), to: found.recipient)
        guard !bodies[0].bytes.isEmpty else {
            return try give(up: delivery, .dead, "no_address", "收件人没有可用的地址", in: &tx)
        }
        try DeliveryStore.freeze(delivery.id, bodies[0], in: &tx)
        for body in bodies.dropFirst() { try DeliveryStore.addPart(body, after: delivery.id, in: &tx) }
        return try lease(delivery, bodies[0], channel, found, state, in: &tx)
    }

    /// What waits for the same group shares a message, in the order it came.
    private func gather(
        _ delivery: DeliveryStore.Delivery, _ channel: any Channel, _ state: ChannelStateStore.State,
        in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        let queue = try DeliveryStore.mergeable(
            channel: channel.name, recipient: delivery.recipient, limit: Self.queueLimit, in: &tx)
        let waiting = queue.map { delivery in
            let item = composer.line(delivery)
            return DigestPlan.Waiting(
                delivery: Int64(delivery.id), since: delivery.createdAt, isUrgent: delivery.type == "no_capacity",
                audience: delivery.type, bytes: item.subject.utf8.count + (item.target?.utf8.count ?? 0) + 48)
        }
        let step = DigestPlan.next(
            waiting, window: state.window, now: state.now, budget: channel.limits.digestBudget)
        let chosen: [Int64]
        switch step {
        case .wait(let until): return .wait(until.map { .milliseconds($0 - state.now) } ?? .seconds(1))
        case .single(let id): chosen = [id]
        case .digest(let ids): chosen = ids
        }
        let message = try GroupMessage.fitting(
            queue.filter { chosen.contains(Int64($0.id)) }, channel, composer, in: &tx)
        try message.keep(in: &tx)
        return try lease(message.members[0], message.body, channel, .group, state, in: &tx)
    }

    private func lease(
        _ delivery: DeliveryStore.Delivery, _ body: FrozenBody, _ channel: any Channel, _ found: RecipientStore.Found,
        _ state: ChannelStateStore.State, in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        // A probe is used up by what is sent, not by a look.
        if state.breaker.state != .closed {
            try ChannelStateStore.save(state.breaker, of: channel.keyFingerprint, in: &tx)
        }
        try DeliveryStore.lease(
            delivery.id, owner: job, channelKey: channel.keyFingerprint, now: state.now, in: &tx)
        return .send(
            NotifyAttempt(
                lead: delivery.id, channel: channel, to: found, body: body, number: delivery.attempt + 1,
                wasAmbiguous: delivery.wasAmbiguous, expiresAt: delivery.expiresAt))
    }
}

// Deliveries that are not sent now.
extension NotifyPreparation {
    /// Keeps it until the channel works again or the message is worth nothing.
    private func hold(
        _ delivery: DeliveryStore.Delivery, _ code: String, _ hint: String, in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        let mark = DeliveryStore.Mark(
            status: .held, isAmbiguous: delivery.status == .leased, code: code, hint: hint)
        try DeliveryStore.mark(delivery.id, mark, in: &tx)
        return .wait(Self.heldWait)
    }

    private func expire(_ delivery: DeliveryStore.Delivery, in tx: inout Transaction) throws -> NotifyJob.Prepared {
        try give(up: delivery, .suppressed, "expired", "已过期，不再发送", in: &tx)
    }

    private func give(
        up delivery: DeliveryStore.Delivery, _ status: DeliveryRules.Status, _ code: String, _ hint: String,
        in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        try DeliveryStore.mark(delivery.id, .init(status: status, code: code, hint: hint), in: &tx)
        return try ended(status.rawValue, in: &tx)
    }

    private func ended(_ state: String, in tx: inout Transaction) throws -> NotifyJob.Prepared {
        _ = try Receipts.take(job, kind: NotifyJob.kindName, in: &tx)
        return .ended(state)
    }
}
