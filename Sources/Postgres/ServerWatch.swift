internal import Glibc
internal import OwnerThread

/// Finds out why a session gets no answer: the statement takes long, the connection is silently dead, or the server is.
///
/// A long statement and a lost answer look the same on the session's own connection, so the server is asked over
/// another one what it does for that session.
final class ServerWatch: Sendable {
    /// A call that lasts so long is looked into.
    static let silence = Duration.seconds(1)
    /// How long the server may take to answer the look.
    static let patience = Duration.seconds(2)
    /// A call that the server says it does not work on is given up after that …
    static let lostAfter = Duration.milliseconds(2500)
    /// … if it says so again, so much later at least.
    static let secondLook = Duration.seconds(1)
    private static let interval = Duration.milliseconds(250)

    /// A session's call that has not returned.
    struct Silent: Sendable {
        let gate: CancelGate
        let call: CancelGate.Call
        let since: ContinuousClock.Instant
        /// When the server first said that it does not work on it.
        let doubtedAt: ContinuousClock.Instant?
    }

    private struct Entry {
        let gate: CancelGate
        var call: CancelGate.Call?
        var since = ContinuousClock.now
        var doubtedAt: ContinuousClock.Instant?
    }

    private struct State {
        var entries: [Entry] = []
        var isTicking = false
        var isProbing = false
    }

    private let state = Lock(State())

    func watch(_ gate: CancelGate) { state.withLock { $0.entries.append(Entry(gate: gate)) } }

    /// A session is at work: looks at the sessions four times a second from now on, until none is.
    func begin(_ share: SessionShare) {
        let isFirst = state.withLock { state in
            defer { state.isTicking = true }
            return !state.isTicking
        }
        if isFirst { tickLater(share) }
    }

    private func tickLater(_ share: SessionShare) {
        _ = Deadlines.shared.call(at: .now + Self.interval) { self.tick(share) }
    }

    private func tick(_ share: SessionShare) {
        let silent = self.silent()
        let (goesOn, probes) = state.withLock { state in
            let isBusy = state.entries.contains { $0.gate.isBusy }
            state.isTicking = isBusy
            let probes = !silent.isEmpty && !state.isProbing
            if probes { state.isProbing = true }
            return (isBusy, probes)
        }
        if probes { startThread(named: "pg-probe") { self.probe(share) } }
        if goesOn { tickLater(share) }
    }

    /// Calls that have lasted for ``silence``.
    private func silent() -> [Silent] {
        let now = ContinuousClock.now
        return state.withLock { state in
            var silent: [Silent] = []
            for index in state.entries.indices {
                let call = state.entries[index].gate.call
                if state.entries[index].call != call {
                    state.entries[index].call = call
                    state.entries[index].since = now
                    state.entries[index].doubtedAt = nil
                }
                let entry = state.entries[index]
                guard let call, now - entry.since >= Self.silence else { continue }
                silent.append(Silent(gate: entry.gate, call: call, since: entry.since, doubtedAt: entry.doubtedAt))
            }
            return silent
        }
    }

    private func doubt(_ silent: Silent, at time: ContinuousClock.Instant?) {
        state.withLock { state in
            for index in state.entries.indices where state.entries[index].call == silent.call {
                state.entries[index].doubtedAt = time
            }
        }
    }

    /// On a thread of its own, while there is something to find out.
    private func probe(_ share: SessionShare) {
        var probe = ServerProbe(share.configuration)
        while !share.queue.isClosed {
            let calls = silent()
            if calls.isEmpty, !share.isSilent { break }
            switch probe.look(at: calls.map(\.call.backend)) {
            case .silent:
                share.serverIsSilent()
                for silent in calls { silent.gate.cut(silent.call) }
            case .unclear:
                break
            case .answer(let atWork):
                share.serverAnswers()
                judge(calls, atWork)
            }
            usleep(UInt32(Self.interval / .microseconds(1)) * 2)
        }
        state.withLock { $0.isProbing = false }
    }

    private func judge(_ calls: [Silent], _ atWork: Set<Int>) {
        let now = ContinuousClock.now
        for silent in calls where now - silent.since >= Self.lostAfter {
            if atWork.contains(silent.call.backend) {
                doubt(silent, at: nil)
            } else if let doubtedAt = silent.doubtedAt {
                if now - doubtedAt >= Self.secondLook { silent.gate.cut(silent.call) }
            } else {
                doubt(silent, at: now)
            }
        }
    }
}

/// A connection that asks the server what it does for others.
private struct ServerProbe: ~Copyable {
    enum Finding {
        /// Nothing came back in time.
        case silent
        /// There is a server, but it does not let us ask.
        case unclear
        /// Process ids of those it works for.
        case answer(Set<Int>)
    }

    private let configuration: PostgresConfiguration
    private var connection = Connection(gate: CancelGate(), preparedLimit: 4)

    init(_ configuration: PostgresConfiguration) {
        var configuration = configuration
        configuration.connectTimeout = ServerWatch.patience
        configuration.applicationName = "paidan watch"
        self.configuration = configuration
    }

    mutating func look(at backends: [Int]) -> Finding {
        // A connection of an earlier look may be the dead one.
        if connection.isUsable(), let atWork = try? ask(backends) { return .answer(atWork) }
        let start = ContinuousClock.now
        do {
            try connection.open(configuration)
            return .answer(try ask(backends))
        } catch {
            connection.close()
            // libpq counts the time to connect in whole seconds of the clock: it may be almost one short.
            return ContinuousClock.now - start >= ServerWatch.patience - .milliseconds(1100) ? .silent : .unclear
        }
    }

    /// Who waits for its client has answered it, or never heard of what it waits for.
    private mutating func ask(_ backends: [Int]) throws(PostgresError) -> Set<Int> {
        let rows = try connection.ask(
            """
            SELECT pid FROM pg_stat_activity WHERE pid = ANY (\(backends.map(String.init))::int[])
            AND (state IS NULL OR state = 'disabled'
                OR state IN ('active', 'fastpath function call') AND wait_event_type IS DISTINCT FROM 'Client')
            """, within: ServerWatch.patience)
        var atWork: Set<Int> = []
        for row in rows { atWork.insert(try row.int(0)) }
        return atWork
    }
}
