internal import Glibc
internal import OwnerThread

/// The client's thread: connects, sends what waits in batches, reads replies in order, keeps deadlines.
struct Owner: ~Copyable {
    typealias Instant = ContinuousClock.Instant

    enum Phase {
        case away(until: Instant)
        /// The host's name is being looked up.
        case resolving(until: Instant, Resolution, port: Int)
        case connecting(until: Instant)
        /// AUTH, SELECT and CLIENT SETNAME are sent; `replies` of them are due.
        case greeting(until: Instant, replies: Int)
        case open
    }

    /// A write holds at most so many commands (one pipeline may exceed it) …
    static let batchCommands = 256
    /// … and ends with the operation that reaches so many bytes.
    static let batchBytes = 65536
    /// With so many operations in flight the others wait in the inbox, where they can be cancelled unsent.
    static let inFlightLimit = 4096
    /// A look at all deadlines is that far from the last one at least, so their cost stays bounded.
    static let sweepPause: Duration = .milliseconds(5)
    /// A connection that lasted so long was good: the next attempt comes soon.
    static let goodLife: Duration = .seconds(2)

    let configuration: RedisConfiguration
    let name: String
    let shared: Shared

    var connection: Connection?
    /// A look-up that has not been used.
    var resolution: Resolution?
    var phase = Phase.away(until: .now)
    var backoff = Backoff()
    var openedAt: Instant = .now
    /// Since when there is no connection.
    var awaySince: Instant? = .now
    /// Why there is no connection, for those whose deadline comes meanwhile.
    var awayReason: String?

    var waiting = Fifo<RedisOperation>()
    var due = Fifo<ReplySlot>()
    /// When the last byte came, or since when replies are due.
    var silentSince: Instant = .now
    var nextSweep: Instant?
    var lastSweep: Instant = .now

    var output: [UInt8] = []
    /// Bytes of `output` the kernel took.
    var outputSent = 0
    /// Bytes of this connection that left `output` before.
    var sentBefore = 0

    init(_ configuration: RedisConfiguration, name: String, shared: Shared) {
        self.configuration = configuration
        self.name = name
        self.shared = shared
    }

    mutating func run() {
        var polled = [pollfd(fd: shared.wakeup.descriptor, events: Int16(POLLIN), revents: 0), pollfd()]
        while true {
            var now = Instant.now
            // Work first, requests after it: what was put after `reconnect()` never goes to the old connection.
            if takeWork() { return closeDown() }
            takeRequests(now)
            sweepIfDue(now)
            checkTimes(now)
            refuseAfterPatience(now)
            sendWaiting(now)
            publish()

            let wanted = wantedEvents
            polled[1] = pollfd(fd: connection?.descriptor ?? -1, events: wanted, revents: 0)
            _ = unsafe poll(&polled, 2, milliseconds(to: nextTime, from: now))
            if polled[0].revents != 0 { shared.wakeup.clear() }
            if polled[1].revents != 0 {
                now = .now
                socketReady(polled[1].revents, now)
            }
        }
    }

    /// - Returns: true once the client is closed.
    private mutating func takeWork() -> Bool {
        let (items, closed) = shared.inbox.takeHolding()
        for operation in items {
            waiting.append(operation)
            nextSweep = nextSweep.map { min($0, operation.deadline) } ?? operation.deadline
        }
        return closed
    }

    private mutating func takeRequests(_ now: Instant) {
        let (drop, sweep) = shared.state.withLock { state in
            defer {
                state.drop = nil
                state.sweep = false
            }
            return (state.drop == state.connectionNumber, state.sweep)
        }
        if sweep { nextSweep = now }
        if drop, case .open = phase { lose("reconnect was asked for", now) }
    }

    private var wantedEvents: Int16 {
        switch phase {
        case .away, .resolving: 0
        case .connecting: Int16(POLLOUT)
        case .greeting, .open: Int16(outputSent < output.count ? POLLIN | POLLOUT : POLLIN)
        }
    }

    /// When something must happen though no event comes; `nil` is never.
    private var nextTime: Instant? {
        var next: Instant? =
            switch phase {
            case .away(let until), .resolving(let until, _, _), .connecting(let until), .greeting(let until, _): until
            case .open: due.isEmpty ? nil : deadAt
            }
        if !waiting.isEmpty || !due.isEmpty, let nextSweep {
            let sweep = max(nextSweep, lastSweep + Self.sweepPause)
            next = next.map { min($0, sweep) } ?? sweep
        }
        if !waiting.isEmpty, let patienceEnds { next = next.map { min($0, patienceEnds) } ?? patienceEnds }
        return next
    }

    private func milliseconds(to instant: Instant?, from now: Instant) -> Int32 {
        guard let instant else { return -1 }
        if instant <= now { return 0 }
        let parts = (instant - now).components
        if parts.seconds >= 60 { return 60_000 }
        // Rounded up: a look too early would only lead to another.
        return Int32(parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000 + 1)
    }

    private func publish() {
        let inFlight = due.count
        let connected = if case .open = phase { true } else { false }
        shared.state.withLock { state in
            state.statistics.inFlight = inFlight
            state.statistics.connected = connected
        }
    }

    private mutating func closeDown() {
        connection = nil
        for slot in due.takeAll() {
            slot.operation.fail(RedisError(.closed, "the client was closed", mayHaveRun: slot.start < written))
        }
        let rest = waiting.takeAll()
        for operation in rest { operation.fail(RedisError(.closed, "the client was closed", mayHaveRun: false)) }
        shared.inbox.release(rest.count)
        phase = .away(until: .now)
        publish()
    }
}
