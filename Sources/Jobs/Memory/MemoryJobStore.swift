internal import OwnerThread

/// The queue in this process's memory, with the same rules as the real one: for tests and as its model.
public final class MemoryJobStore: JobStore {
    struct Record {
        var view: JobView
        var queuedAt: Int
        var timeout: Duration?
        var traceparent: String?
        var holder: (session: String, slot: Int)?
        /// Cancelled or discarded while its id is still in a list.
        var isTombstone = false
        var isDiscarded = false
    }

    struct Queue {
        /// The next to run is the last.
        var ready: [String] = []
        /// By kind: jobs over their kind's limit, the next to run is the last.
        var parked: [String: [String]] = [:]
        var suspect: [String] = []
        var sessions: [String: Int] = [:]
        var inFlight: [String: [Int: String]] = [:]
        var cancels: [String: [Cancellation]] = [:]
        var delayed: [String: Int] = [:]
        /// When they ended, or when pruning looked at them last.
        var dead: [String: Int] = [:]
        var done: [String: Int] = [:]
        var crashes: [String: Int] = [:]
        var unique: [String: String] = [:]
        var idempotent: [String: (id: String, hash: String, until: Int, waitedUntil: Int?)] = [:]
        var isPaused = false
        var jobs: [String: Record] = [:]
        var counts = Census()
    }

    struct State {
        var queues: [String: Queue]
        var workers: [String: (info: WorkerInfo, until: Int)] = [:]
        var limits: [String: KindLimit] = [:]
        /// Starts of kinds with a rate, and what was permitted, oldest first.
        var windows: [String: [Int]] = [:]
    }

    let names: [String]
    let state: Lock<State>
    /// The store's clock, milliseconds since 1970.
    let now: @Sendable () -> Int

    public init(queues: [String], now: @escaping @Sendable () -> Int) {
        names = queues
        state = Lock(State(queues: Dictionary(uniqueKeysWithValues: queues.map { ($0, Queue()) })))
        self.now = now
    }

    func edit<R: Sendable>(
        _ queue: String, _ body: (inout Queue, Int) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        let time = now()
        return try state.withLock { state throws(StoreError) in
            guard var copy = state.queues[queue] else {
                throw StoreError(.refused, "there is no queue \(queue)", mayHaveRun: false)
            }
            defer { state.queues[queue] = copy }
            return try body(&copy, time)
        }
    }
}

extension MemoryJobStore.Queue {
    mutating func releaseKey(_ id: String) {
        guard let key = jobs[id]?.view.key, unique[key] == id else { return }
        unique[key] = nil
    }

    func holder(of key: String) -> String? { unique[key].flatMap { jobs[$0] == nil ? nil : $0 } }

    /// `ids` run in this order, before all others.
    mutating func giveBack(_ ids: [String], _ now: Int) {
        for id in ids.reversed() {
            jobs[id]?.view.attempt -= 1
            jobs[id]?.view.state = .queued
            jobs[id]?.queuedAt = now
            if crashes[id, default: 0] >= JobLimits.suspectCrashes { suspect.append(id) } else { ready.append(id) }
        }
    }

    mutating func end(_ id: String, _ state: JobState, _ now: Int, error: JobView.Failure? = nil) {
        releaseKey(id)
        crashes[id] = nil
        jobs[id]?.view.state = state
        jobs[id]?.view.finishedAt = now
        if state == .dead {
            jobs[id]?.view.error = error
            dead[id] = now
        } else {
            done[id] = now
        }
    }

    static func inOrder(_ times: [String: Int]) -> [String] {
        times.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
    }

    func inFlightInOrder(_ session: String) -> [String] {
        (inFlight[session] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
    }

    mutating func drop(_ session: String) {
        sessions[session] = nil
        inFlight[session] = nil
        cancels[session] = nil
    }
}

extension Duration {
    var inMilliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}
