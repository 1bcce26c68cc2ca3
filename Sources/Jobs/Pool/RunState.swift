internal import OwnerThread

/// What the pool and one run of a handler know of each other.
final class RunState: Sendable {
    /// Why a handler was cancelled.
    enum Stop: Sendable { case timeout, cancelled, sessionLost, drain }

    private struct State {
        var stop: Stop?
        var deadline: ContinuousClock.Instant
        /// Claims of a batch that were cancelled, by id.
        var withdrawn: Set<String> = []
        /// The handler was interrupted for them.
        var isInterrupted = false
        /// The claim that runs now, of a batch that runs one at a time.
        var solo: String?
    }

    private let state: Lock<State>

    init(deadline: ContinuousClock.Instant) { state = Lock(State(stop: nil, deadline: deadline)) }

    var stop: Stop? { state.withLock { $0.stop } }
    var deadline: ContinuousClock.Instant { state.withLock { $0.deadline } }

    /// - Returns: false if it was cancelled for another reason before.
    func cancel(_ reason: Stop) -> Bool {
        state.withLock { state in
            if state.stop != nil { return false }
            state.stop = reason
            return true
        }
    }

    /// The next job of a batch that is run one at a time has its own time.
    func restart(_ id: String, deadline: ContinuousClock.Instant) {
        state.withLock { state in
            state.deadline = deadline
            state.solo = id
        }
    }

    /// Takes some claims out of a batch.
    ///
    /// - Returns: true if the handler has them in hand: it is to be interrupted, for the others to run again.
    func withdraw(_ ids: Set<String>) -> Bool {
        state.withLock { state in
            state.withdrawn.formUnion(ids)
            if let solo = state.solo, !ids.contains(solo) { return false }
            state.isInterrupted = true
            return true
        }
    }

    var withdrawn: Set<String> { state.withLock { $0.withdrawn } }
    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }
}
