internal import OwnerThread

extension Owner {
    /// Takes the step whose time has come: connect, give up connecting, drop a dead connection.
    mutating func checkTimes(_ now: Instant) {
        switch phase {
        case .away(let until):
            if now >= until { connect(now) }
        case .resolving(let until, let resolution, let port):
            finishResolving(resolution, port, until: until, now)
        case .connecting(let until), .greeting(let until, _):
            if now >= until { lose("no answer within \(configuration.connectTimeout)", now) }
        case .open:
            if !due.isEmpty, now >= deadAt { lose("no byte came for \(now - silentSince)", now) }
        }
    }

    /// When a silent connection counts as dead: after `silenceLimit`, but not before the deadline of the operation whose
    /// reply comes next (it may be a blocking one; those behind it cannot be answered before it).
    var deadAt: Instant {
        let limit = silentSince + configuration.silenceLimit
        return due.first.map { max(limit, $0.operation.deadline) } ?? limit
    }

    private mutating func connect(_ now: Instant) {
        guard case .tcp(let host, let port) = configuration.address, !Resolution.isAddress(host) else {
            return connect(to: configuration.address, now)
        }
        // One that has not come to an end yet is waited for again.
        let shared = shared
        let resolution = resolution ?? Resolution(of: host) { shared.wakeup.signal() }
        self.resolution = resolution
        phase = .resolving(until: now + configuration.connectTimeout, resolution, port: port)
    }

    private mutating func finishResolving(_ resolution: Resolution, _ port: Int, until end: Instant, _ now: Instant) {
        switch resolution.answer {
        case .success(let address):
            self.resolution = nil
            connect(to: .tcp(host: address, port: port), now)
        case .failure(let failure):
            self.resolution = nil
            lose(failure.reason, now)
        case nil:
            if now >= end { lose("its host name was not looked up within \(configuration.connectTimeout)", now) }
        }
    }

    private mutating func connect(to address: RedisConfiguration.Address, _ now: Instant) {
        do throws(ConnectFailure) {
            connection = try Connection(to: address)
            phase = .connecting(until: now + configuration.connectTimeout)
        } catch {
            lose(error.reason, now)
        }
    }

    mutating func finishConnecting(_ now: Instant) {
        guard case .connecting(let until) = phase else { return }
        if let reason = connection?.connectFailure() { return lose(reason, now) }
        if case .tcp = configuration.address { connection?.setTCPOptions() }
        var greeting: [RedisCommand] = []
        if let password = configuration.password {
            var auth = RedisCommand("AUTH")
            if let user = configuration.user { auth.append(user) }
            auth.append(password)
            greeting.append(auth)
        }
        if configuration.database != 0 { greeting.append(RedisCommand("SELECT", "\(configuration.database)")) }
        // Redis refuses spaces and line ends in a name.
        let plain = name.utf8.map { 33...126 ~= $0 ? $0 : UInt8(ascii: "-") }
        greeting.append(RedisCommand(["CLIENT", "SETNAME"].map { Array($0.utf8) } + [plain]))
        output = []
        outputSent = 0
        sentBefore = 0
        for command in greeting { command.write(to: &output) }
        phase = .greeting(until: until, replies: greeting.count)
    }

    mutating func open(_ now: Instant) {
        phase = .open
        openedAt = now
        awaySince = nil
        awayReason = nil
        shared.state.withLock { state in
            state.connectionNumber += 1
            state.statistics.reconnects = state.connectionNumber - 1
        }
    }

    /// The connection is gone or cannot be made: fails what may have run, keeps the rest, tries again later.
    mutating func lose(_ reason: String, _ now: Instant) {
        if case .open = phase, now - openedAt >= Self.goodLife { backoff.reset() }
        connection = nil
        shared.count(\.connectionErrors)
        awaySince = awaySince ?? now
        awayReason = reason
        var random = SystemRandomNumberGenerator()
        phase = .away(until: now + backoff.next(using: &random))

        var unsent: [RedisOperation] = []
        for slot in due.takeAll() {
            if slot.start < written {
                slot.operation.fail(RedisError(.connect, "the connection was lost: \(reason)", mayHaveRun: true))
            } else {
                slot.operation.pending.putBack()
                unsent.append(slot.operation)
            }
        }
        waiting.prepend(unsent)
        shared.inbox.holdAgain(unsent.count)
        output = []
        outputSent = 0
        sentBefore = 0
    }

    /// When whoever waits for a connection is told that there is none; `nil` while there is one, or without patience.
    var patienceEnds: Instant? {
        guard let patience = configuration.patience else { return nil }
        return awaySince.map { $0 + patience }
    }

    /// Once the server has been away for long, nobody is kept waiting for it.
    mutating func refuseAfterPatience(_ now: Instant) {
        guard !waiting.isEmpty, let patienceEnds, now >= patienceEnds else { return }
        let refused = waiting.takeAll()
        shared.inbox.release(refused.count)
        let reason = awayReason ?? "no answer"
        for operation in refused {
            operation.fail(RedisError(.connect, "no connection: \(reason)", mayHaveRun: false))
        }
    }

    /// Fails operations whose deadline passed and forgets cancelled ones that were not sent.
    mutating func sweepIfDue(_ now: Instant) {
        guard let at = nextSweep, now >= at, now >= lastSweep + Self.sweepPause else { return }
        lastSweep = now
        var next: Instant?
        func keep(_ operation: RedisOperation) {
            next = next.map { min($0, operation.deadline) } ?? operation.deadline
        }
        var expired: [RedisOperation] = []
        let removed = waiting.removeAll { operation in
            if operation.pending.isDone { return true }
            if operation.deadline <= now {
                expired.append(operation)
                return true
            }
            keep(operation)
            return false
        }
        shared.inbox.release(removed)
        for operation in expired { timeOut(operation, started: false) }
        for slot in due where !slot.operation.pending.isDone {
            if slot.operation.deadline <= now {
                timeOut(slot.operation, started: true)
            } else {
                keep(slot.operation)
            }
        }
        nextSweep = next
    }

    func timeOut(_ operation: RedisOperation, started: Bool) {
        shared.count(\.timeouts)
        if started {
            operation.fail(RedisError(.timedOut, "no reply within the deadline", mayHaveRun: true))
        } else if let awayReason {
            operation.fail(
                RedisError(.connect, "no connection within the deadline: \(awayReason)", mayHaveRun: false))
        } else {
            operation.fail(RedisError(.timedOut, "not sent within the deadline", mayHaveRun: false))
        }
    }
}
