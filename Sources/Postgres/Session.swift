internal import Glibc
internal import OwnerThread

/// What the sessions of a pool share.
final class SessionShare: Sendable {
    struct Counters: Sendable {
        var busy = 0
        var connects = 0
        var connectionErrors = 0
        var serverErrors = 0
        var timeouts = 0
        var cancellations = 0
        var retries = 0
        var finished = 0
        var waited = Duration.zero
        /// Since when no connection can be made, and why.
        var awaySince: ContinuousClock.Instant?
        var awayReason = ""
        /// The server takes connections, maybe, and says nothing.
        var isSilent = false
        /// Sessions with a connection that is not known to be lost.
        var connected = 0
    }

    let configuration: PostgresConfiguration
    let queue: WorkQueue<Operation>
    let counters = Lock(Counters())
    let watch = ServerWatch()

    init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        queue = WorkQueue(limit: configuration.inboxLimit)
    }

    // MARK: Whether there is a server

    /// Why work is refused at once: nobody could reach the server for longer than `patience`. One session that gets no
    /// connection beside others that have one is no reason.
    var refusal: PostgresError? {
        guard let patience = configuration.patience else { return nil }
        return counters.withLock {
            guard $0.connected == 0 || $0.isSilent else { return nil }
            guard let since = $0.awaySince, ContinuousClock.now - since >= patience else { return nil }
            return .unreachable($0.awayReason)
        }
    }

    var isSilent: Bool { counters.withLock { $0.isSilent } }

    func connectFailed(_ error: PostgresError, began: ContinuousClock.Instant) {
        count(error)
        counters.withLock {
            $0.awaySince = $0.awaySince ?? began
            $0.awayReason = error.message
        }
    }

    /// A connection was made, or a transaction ended as it should.
    func serverAnswers() {
        counters.withLock {
            $0.awaySince = nil
            $0.isSilent = false
        }
    }

    /// It has been silent for longer than anybody should wait.
    func serverIsSilent() {
        counters.withLock {
            $0.isSilent = true
            $0.awaySince = .now - (configuration.patience ?? .zero)
            $0.awayReason = "the database server does not answer"
        }
        refuseWhatWaitedLong()
    }

    /// What has waited for a connection long enough is told that there is none.
    func refuseWhatWaitedLong() {
        guard let patience = configuration.patience else { return }
        let now = ContinuousClock.now
        let refusal = refusal
        let (isConnected, reason) = counters.withLock { ($0.connected > 0, $0.awayReason) }
        queue.removeAll { operation in
            guard refusal != nil || !isConnected && now - operation.created >= patience else { return false }
            operation.refuse(refusal ?? .unreachable(reason))
            return true
        }
    }

    func countRetry() { counters.withLock { $0.retries += 1 } }

    func count(_ error: any Error) {
        guard let error = error as? PostgresError else { return }
        counters.withLock {
            switch error.code {
            case .connection: $0.connectionErrors += 1
            case .server: $0.serverErrors += 1
            case .timedOut: $0.timeouts += 1
            case .cancelled: $0.cancellations += 1
            default: break
            }
        }
    }
}

/// The loop of one session's thread: take an operation, see that there is a connection, run it.
struct Session: ~Copyable {
    private static let longestPause = Duration.seconds(1)

    private let share: SessionShare
    private var connection: Connection
    private var pause = Duration.milliseconds(20)
    /// Among those that have a connection.
    private var isCounted = false

    init(_ share: SessionShare) {
        self.share = share
        connection = Connection(gate: CancelGate(), preparedLimit: share.configuration.preparedLimit)
        share.watch.watch(connection.gate)
    }

    /// Blocks until the pool is closed and its work is done.
    mutating func run() {
        while let operation = share.queue.takeOne() {
            if operation.isFinished { continue }
            note(isConnected: connection.isUsable())
            guard isCounted || connect() else {
                giveBack(operation)
                regain()
                continue
            }
            perform(operation)
        }
    }

    private mutating func note(isConnected: Bool) {
        guard isConnected != isCounted else { return }
        isCounted = isConnected
        share.counters.withLock { $0.connected += isConnected ? 1 : -1 }
    }

    private mutating func connect() -> Bool {
        let began = ContinuousClock.now
        do {
            try connection.open(share.configuration)
            share.counters.withLock { $0.connects += 1 }
            note(isConnected: true)
            share.serverAnswers()
            return true
        } catch {
            share.connectFailed(error, began: began)
            return false
        }
    }

    /// Tries until there is a connection again: work that is refused meanwhile must not be what brings it back.
    private mutating func regain() {
        repeat {
            share.refuseWhatWaitedLong()
            backOff()
            if share.queue.isClosed { return }
        } while !connect()
        pause = .milliseconds(20)
    }

    private mutating func perform(_ operation: Operation) {
        guard operation.start(on: connection.gate) else { return }
        let waited = ContinuousClock.now - operation.created
        share.counters.withLock {
            $0.busy += 1
            $0.waited += waited
        }
        share.watch.begin(share)
        let disposition = operation.work(&connection, operation)
        connection.gate.end()
        if !connection.gate.settle() || connection.isLost {
            connection.close()
            note(isConnected: false)
        }
        share.counters.withLock {
            $0.busy -= 1
            if disposition == .finished { $0.finished += 1 }
        }
        if disposition == .finished, !connection.isLost {
            connection.isFresh = false
            share.serverAnswers()
        }
        switch disposition {
        case .finished:
            pause = .milliseconds(20)
        case .notStarted:
            connection.close()
            note(isConnected: false)
            guard operation.requeue() else { return }
            giveBack(operation)
            backOff()
        }
    }

    /// Work that has not begun waits on, until its deadline; another session may be luckier.
    private func giveBack(_ operation: Operation) {
        // Not to a session that is as badly off: a server that the network has swallowed costs each of them seconds.
        if let patience = share.configuration.patience, ContinuousClock.now - operation.created >= patience,
            share.counters.withLock({ $0.connected == 0 })
        {
            return operation.refuse(.unreachable("the server was sought for longer than the patience"))
        }
        if let refusal = share.refusal { return operation.refuse(refusal) }
        if !share.queue.putBack(operation) { operation.refuse(.closed) }
    }

    /// Sleeps between half and all of the pause, which doubles each time.
    private mutating func backOff() {
        let length = pause * Double.random(in: 0.5..<1)
        pause = min(pause * 2, Self.longestPause)
        usleep(UInt32(length.components.attoseconds / 1_000_000_000_000 + length.components.seconds * 1_000_000))
    }
}

extension PostgresError {
    static let closed = PostgresError(code: .closed, message: "the pool is closed")
    static func unreachable(_ reason: String) -> PostgresError {
        PostgresError(
            code: .connection,
            message: "no connection to the database can be made" + (reason.isEmpty ? "" : ": \(reason)"))
    }

    static let full = PostgresError(code: .full, message: "too much work waits for a database session")
}
