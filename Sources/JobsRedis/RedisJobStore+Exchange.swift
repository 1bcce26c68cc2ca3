public import Jobs
internal import OwnerThread
internal import Redis

extension RedisJobStore {
    public func exchange(_ exchange: Exchange) async throws(StoreError) -> ExchangeReply {
        precondition(exchange.settlements.count <= JobLimits.exchange, "at most \(JobLimits.exchange) settlements")
        try checkConnection(of: exchange.session)
        var command = try command(.exchange, exchange.queue, exchange.session, exchange.lane.rawValue)
        command.append(min(exchange.take, JobLimits.exchange))
        command.append(exchange.firstSlot)
        let plain = exchange.settlements.filter(\.isPlain)
        command.append(plain.count)
        for settlement in plain { command.append(settlement.slot) }
        if plain.count < exchange.settlements.count {
            for settlement in exchange.settlements where !settlement.isPlain { settlement.append(to: &command) }
        }
        do {
            return try ExchangeReply(try await call(command), queue: exchange.queue)
        } catch {
            // Jobs may be in flight that nobody knows of: a new session takes them back.
            if error.mayHaveRun { throw StoreError(.sessionLost, error.message, mayHaveRun: true) }
            throw error
        }
    }

    /// A session does not outlive its connection: replies may have been lost with it.
    func checkConnection(of session: String) throws(StoreError) {
        let known = state.withLock { $0.session == session ? $0.connection : nil }
        if let known, known != client.connectionNumber {
            throw StoreError(.sessionLost, "the connection to Redis is a new one", mayHaveRun: false)
        }
    }
}

extension Settlement {
    /// Succeeded, nothing to write but that: the slot number alone says it.
    fileprivate var isPlain: Bool {
        if case .done(nil, nil, _) = change { return !hasKey }
        return false
    }

    /// `slot, outcome, a, b, c` of `exchange.lua`.
    fileprivate func append(to command: inout RedisCommand) {
        command.append(slot)
        switch change {
        case .done(let result, let code, let message):
            command.append("done")
            command.append(result ?? [])
            command.append(code ?? "")
            command.append(message)
        case .retry(let delay, let code, let message):
            command.append("retry")
            command.append(delay.milliseconds)
            command.append(code)
            command.append(message)
        case .snooze(let delay):
            command.append("snooze")
            command.append(delay.milliseconds)
            command.append("")
            command.append("")
        case .dead(let code, let message):
            command.append("dead")
            command.append(code)
            command.append(message)
            command.append("")
        case .release:
            command.append("release")
            for _ in 0..<3 { command.append("") }
        }
    }
}

extension ExchangeReply {
    fileprivate init(_ reply: RedisReply, queue: String) throws(StoreError) {
        guard let words = reply.array, words.count >= 4, words.count % 3 == 1,
            let waiting = words[1].int, let suspects = words[2].int, let time = words[3].int
        else { throw .unreadable }
        var claims: [Claim] = []
        claims.reserveCapacity((words.count - 4) / 3)
        for place in stride(from: 4, to: words.count, by: 3) {
            guard let slot = words[place].int, case .bytes(let header) = words[place + 1],
                case .bytes(let args) = words[place + 2],
                let claim = Claim(header: header, args: args, queue: queue, slot: slot, claimedAt: time)
            else { throw .unreadable }
            claims.append(claim)
        }
        self.init(claims: claims, isPaused: words[0].int == 1, waiting: waiting, suspects: suspects)
    }
}

extension StoreError {
    static let unreadable = StoreError(
        .refused, "Redis gave an answer that this release does not understand", mayHaveRun: true)
}

extension Claim {
    /// `id attempt max_attempts timeout_ms created_at queued_at has_key traceparent kind`
    init?(header: [UInt8], args: [UInt8], queue: String, slot: Int, claimedAt: Int) {
        let words = header.split(separator: UInt8(ascii: " "), maxSplits: 8, omittingEmptySubsequences: false)
        guard words.count == 9 else { return nil }
        let trace = words[7]
        self.init(
            id: String(decoding: words[0], as: UTF8.self), kind: String(decoding: words[8], as: UTF8.self),
            queue: queue, args: args, attempt: words[1].number,
            maxAttempts: words[2].number == 0 ? nil : words[2].number,
            timeout: words[3].number == 0 ? nil : .milliseconds(words[3].number),
            traceparent: trace.elementsEqual("-".utf8) ? nil : String(decoding: trace, as: UTF8.self),
            enqueuedAt: words[4].number, queuedAt: words[5].number, claimedAt: claimedAt,
            hasKey: words[6].number == 1, slot: slot)
    }
}

extension ArraySlice<UInt8> {
    /// Decimal digits; 0 for anything else.
    fileprivate var number: Int {
        var value = 0
        for byte in self {
            guard byte >= 0x30, byte <= 0x39 else { return 0 }
            value = value &* 10 &+ Int(byte &- 0x30)
        }
        return value
    }
}

extension Duration {
    var milliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}
