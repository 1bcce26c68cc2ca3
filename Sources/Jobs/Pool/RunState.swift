internal import OwnerThread

/// What the pool and one run of a handler know of each other.
final class RunState: Sendable {
    /// Why a handler was cancelled.
    enum Stop: Sendable { case timeout, cancelled, sessionLost, drain }

    private struct State {
        var stop: Stop?
        var deadline: ContinuousClock.Instant
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
    func restart(deadline: ContinuousClock.Instant) { state.withLock { $0.deadline = deadline } }
}
