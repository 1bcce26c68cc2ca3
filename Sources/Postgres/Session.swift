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
    }

    let configuration: PostgresConfiguration
    let queue: WorkQueue<Operation>
    let counters = Lock(Counters())

    init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        queue = WorkQueue(limit: configuration.inboxLimit)
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

    init(_ share: SessionShare) {
        self.share = share
        connection = Connection(gate: CancelGate(), preparedLimit: share.configuration.preparedLimit)
    }

    /// Blocks until the pool is closed and its work is done.
    mutating func run() {
        while let operation = share.queue.takeOne() {
            if operation.isFinished { continue }
            guard connection.isUsable() || connect() else {
                giveBack(operation)
                refuseWhatWaitedLong()
                backOff()
                continue
            }
            perform(operation)
        }
    }

    private mutating func connect() -> Bool {
        do {
            try connection.open(share.configuration)
            share.counters.withLock { $0.connects += 1 }
            return true
        } catch {
            share.count(error)
            return false
        }
    }

    private mutating func perform(_ operation: Operation) {
        guard operation.start(on: connection.gate) else { return }
        let waited = ContinuousClock.now - operation.created
        share.counters.withLock {
            $0.busy += 1
            $0.waited += waited
        }
        let disposition = operation.work(&connection, operation)
        connection.gate.end()
        if !connection.gate.settle() || connection.isLost { connection.close() }
        share.counters.withLock {
            $0.busy -= 1
            if disposition == .finished { $0.finished += 1 }
        }
        switch disposition {
        case .finished:
            pause = .milliseconds(20)
        case .notStarted:
            connection.close()
            guard operation.requeue() else { return }
            giveBack(operation)
            backOff()
        }
    }

    /// Work that has not begun waits on, until its deadline; another session may be luckier.
    private func giveBack(_ operation: Operation) {
        // Not to a session that is as badly off: a server that the network has swallowed costs each of them seconds.
        if let patience = share.configuration.patience, ContinuousClock.now - operation.created >= patience {
            return operation.refuse(.unreachable)
        }
        if !share.queue.putBack(operation) { operation.refuse(.closed) }
    }

    /// Called when no connection could be made: what has waited for one long enough is told so.
    private func refuseWhatWaitedLong() {
        guard let patience = share.configuration.patience else { return }
        let now = ContinuousClock.now
        share.queue.removeAll { operation in
            guard now - operation.created >= patience else { return false }
            operation.refuse(.unreachable)
            return true
        }
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
    static let unreachable = PostgresError(code: .connection, message: "no connection to the database can be made")
    static let full = PostgresError(code: .full, message: "too much work waits for a database session")
}
