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

    func prepare(_ id: Int, in tx: inout Transaction) throws -> NotifyJob.Prepared {
        // The channel before the delivery: jobs of one group that come at the same moment would else each hold their own
        // row back from the digest of the others.
        if let name = try DeliveryStore.channel(of: id, in: &tx), let channel = channels[name],
            channel.limits.mergesDeliveries
        {
            _ = try ChannelStateStore.lock(channel, in: &tx)
        }
        guard let delivery = try DeliveryStore.lock(id, in: &tx) else { return try ended("missing", in: &tx) }
        switch delivery.status {
        case .sent, .accepted, .partial, .merged, .suppressed, .dead, .ambiguous:
            return try ended(delivery.status.rawValue, in: &tx)
        case .leased where delivery.leaseOwner != job && !delivery.leaseEnded: return .wait(.seconds(5))
        case .leased, .pending, .retry, .held: break
        }
        guard let channel = channels[delivery.channel] else {
            return try give(up: delivery, .held, "no_channel", "jobs.conf 中没有启用这个渠道", in: &tx)
        }
        if delivery.status == .leased {
            // The process that sent it did not live to say how it ended.
            let attempt = NotifyAttempt(
                lead: id, channel: channel, recipient: .group,
                body: FrozenBody(bytes: [], contentType: "", items: 0..<0),
                number: max(1, delivery.attempt), wasAmbiguous: delivery.wasAmbiguous, expiresAt: delivery.expiresAt)
            let why = Outcome.Why(code: "interrupted", text: "the sending process ended before the answer")
            return .again(
                try NotifySettlement(job: job, composer: composer).settle(attempt, .ambiguous(why: why), in: &tx)
                    .outcome)
        }
        if let wait = delivery.wait { return .wait(wait) }
        if delivery.isExpired { return try give(up: delivery, .suppressed, "expired", "已过期，不再发送", in: &tx) }
        guard let found = try RecipientStore.find(delivery.recipient, in: &tx) else {
            return try give(up: delivery, .dead, "no_recipient", "收件人已不存在", in: &tx)
        }
        if let chosen = found.channels, !chosen.contains(channel.name) {
            return try give(up: delivery, .suppressed, "preference", "收件人未订阅这个渠道", in: &tx)
        }
        if try ChannelStateStore.isSuppressed(delivery.recipient, channel: channel.name, in: &tx) {
            return try give(up: delivery, .suppressed, "suppressed", "这个地址此前被拒绝，已停止发送", in: &tx)
        }
        return try pass(delivery, channel, found.recipient, in: &tx)
    }

    /// Through the breaker and the limiter, one message of the channel at a time.
    private func pass(
        _ delivery: DeliveryStore.Delivery, _ channel: any Channel, _ recipient: Recipient, in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        var state = try ChannelStateStore.lock(channel, in: &tx)
        guard state.breaker.admits(at: state.now) else {
            guard case .open(let probeAt, let code, let hint) = state.breaker.state, let probeAt else {
                return try give(up: delivery, .held, "breaker", "渠道配置有误，等待人工测试发送", in: &tx)
            }
            try DeliveryStore.mark(delivery.id, .init(status: .held, code: code, hint: hint), in: &tx)
            return .wait(.milliseconds(probeAt - state.now))
        }
        if state.breaker.state != .closed {
            try ChannelStateStore.save(state.breaker, of: channel.keyFingerprint, in: &tx)
        }
        if let body = delivery.frozenBody {
            let free = state.window.nextFree(at: state.now)
            guard free <= state.now else { return .wait(.milliseconds(free - state.now)) }
            return try lease(delivery, body, channel, recipient, in: &tx)
        }
        guard channel.limits.mergesDeliveries else {
            let free = state.window.nextFree(at: state.now)
            guard free <= state.now else { return .wait(.milliseconds(free - state.now)) }
            let digest = try composer.personal(delivery)
            return try freeze(delivery, [], digest, channel, recipient, in: &tx)
        }
        return try gather(delivery, channel, recipient, state, in: &tx)
    }

    /// What waits for the same group shares a message, in the order it came.
    private func gather(
        _ delivery: DeliveryStore.Delivery, _ channel: any Channel, _ recipient: Recipient,
        _ state: ChannelStateStore.State, in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        let queue = try DeliveryStore.mergeable(
            channel: channel.name, recipient: delivery.recipient, limit: Self.queueLimit, in: &tx)
        let waiting = try queue.map { delivery in
            let item = try composer.line(delivery)
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
        let members = queue.filter { chosen.contains(Int64($0.id)) }
        guard let lead = members.first else { return .wait(.seconds(1)) }
        let digest = try composer.group(members, mentions: try RecipientStore.mentions(of: members, in: &tx))
        return try freeze(lead, Array(members.dropFirst()), digest, channel, recipient, in: &tx)
    }

    /// Stores the message; one too long for the provider becomes several, each item whole in one of them.
    private func freeze(
        _ lead: DeliveryStore.Delivery, _ others: [DeliveryStore.Delivery], _ digest: Digest, _ channel: any Channel,
        _ recipient: Recipient, in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        let bodies = channel.bodies(for: digest, to: recipient)
        try DeliveryStore.freeze(lead.id, bodies[0], in: &tx)
        var carriers = [lead.id]
        for body in bodies.dropFirst() { carriers.append(try DeliveryStore.addPart(body, after: lead.id, in: &tx)) }
        for (carrier, body) in zip(carriers, bodies) {
            let named = Set(body.items.map { digest.items[$0].delivery })
            try DeliveryStore.merge(others.filter { named.contains(Int64($0.id)) }.map(\.id), into: carrier, in: &tx)
        }
        return try lease(lead, bodies[0], channel, recipient, in: &tx)
    }

    private func lease(
        _ delivery: DeliveryStore.Delivery, _ body: FrozenBody, _ channel: any Channel, _ recipient: Recipient,
        in tx: inout Transaction
    ) throws -> NotifyJob.Prepared {
        try DeliveryStore.lease(delivery.id, owner: job, channelKey: channel.keyFingerprint, in: &tx)
        return .send(
            NotifyAttempt(
                lead: delivery.id, channel: channel, recipient: recipient, body: body, number: delivery.attempt + 1,
                wasAmbiguous: delivery.wasAmbiguous, expiresAt: delivery.expiresAt))
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
