/// Where jobs run that were in flight in two crashes.
public enum SuspectPolicy: Sendable {
    /// In this process, while nothing else runs: for want of a way to start another.
    case alone
    /// In processes of their own, which a third crash takes with it instead of this one.
    case elsewhere(any SuspectHost)
    /// This is such a process: it takes suspects only, one at a time, and ends when there are none.
    case only
}

/// Starts processes that work on suspects.
public protocol SuspectHost: Sendable {
    /// Runs one until it ends. Cancelled, it tells it to stop, waits as long as a stop may take, and ends it.
    ///
    /// - Parameter started: called once with the process.
    /// - Throws: what kept it from starting.
    func run(queue: String, started: @escaping @Sendable (SuspectProcess) -> Void) async throws -> SuspectEnd
}

/// A process that works on suspects.
public struct SuspectProcess: Sendable {
    public let pid: Int
    /// Asks it to claim no more and end with what it has in hand.
    public let quiet: @Sendable () -> Void

    public init(pid: Int, quiet: @escaping @Sendable () -> Void) {
        self.pid = pid
        self.quiet = quiet
    }
}

/// How a process ended.
public enum SuspectEnd: Sendable, Equatable {
    case exited(Int)
    case signalled(Int)
}

/// Decides when a process is started for which queue: a value, no I/O.
struct SuspectPlan {
    typealias Instant = ContinuousClock.Instant

    private struct Lane {
        var isRunning = false
        /// Consecutive processes that did not end by themselves with success.
        var failures = 0
        /// Consecutive processes that ended soon with success: what is there may have to wait for its kind's limit.
        var visits = 0
        var startedAt: Instant?
        var notBefore: Instant?
    }

    private var lanes: [String: Lane] = [:]
    /// Nothing is started.
    var isQuiet = false

    /// Queues that get a process now: they hold suspects, are not paused, and have none.
    mutating func starts(_ queues: [QueueView], now: Instant) -> [String] {
        if isQuiet { return [] }
        return queues.compactMap { queue in
            var lane = lanes[queue.name, default: Lane()]
            guard queue.suspects > 0, !queue.isPaused, !lane.isRunning, lane.notBefore.map({ $0 <= now }) ?? true else {
                return nil
            }
            lane.isRunning = true
            lane.startedAt = now
            lanes[queue.name] = lane
            return queue.name
        }
    }

    /// - Parameter end: `nil` if it could not be started.
    mutating func ended(_ queue: String, _ end: SuspectEnd?, now: Instant) {
        var lane = lanes[queue, default: Lane()]
        lane.isRunning = false
        switch end {
        case .exited(0):
            lane.failures = 0
            let isShort = lane.startedAt.map { now - $0 < .seconds(5) } ?? false
            lane.visits = isShort ? lane.visits + 1 : 0
            lane.notBefore = lane.visits > 1 ? now + Self.backoff(lane.visits - 1, most: .seconds(8)) : nil
        case .signalled:
            // A suspect that took its process with it: the next one shall not wait long.
            lane.failures += 1
            lane.notBefore = now + Self.backoff(lane.failures, most: .seconds(4))
        case .exited, nil:
            lane.failures += 1
            lane.notBefore = now + Self.backoff(lane.failures, most: .seconds(60))
        }
        lanes[queue] = lane
    }

    private static func backoff(_ failures: Int, most: Duration) -> Duration {
        min(.seconds(1 << min(failures - 1, 6)), most)
    }
}
