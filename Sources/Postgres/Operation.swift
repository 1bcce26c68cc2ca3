internal import OwnerThread

/// One transaction or query on its way: queued → running → finished. Stopping looks at where it is.
final class Operation: Sendable {
    enum Stop: Sendable { case cancelled, timedOut }

    /// How it went on the session's thread.
    enum Disposition: Sendable {
        /// The caller has the answer.
        case finished
        /// The connection turned out to be dead before anything was done; run it on a new one.
        case notStarted
    }

    typealias Work = @Sendable (inout Connection, Operation) -> Disposition

    /// Time the server has to obey a cancel request after the deadline; then the connection is cut.
    private static let grace = Duration.seconds(1)

    private enum Phase {
        case queued
        case running(CancelGate)
        case finished
    }

    private struct State {
        var phase = Phase.queued
        var stop: Stop?
        var outcomeIsOpen = false
        var starts = 0
    }

    let created = ContinuousClock.now
    let deadline: ContinuousClock.Instant
    let work: Work
    private let reject: @Sendable (PostgresError) -> Void
    private let state = Lock(State())

    /// - Parameter reject: gives the caller an error; it may have an answer already.
    init(deadline: ContinuousClock.Instant, reject: @escaping @Sendable (PostgresError) -> Void, work: @escaping Work) {
        self.deadline = deadline
        self.reject = reject
        self.work = work
    }

    var isFinished: Bool {
        state.withLock { if case .finished = $0.phase { true } else { false } }
    }

    /// Why the work shall not go on, if so.
    var stop: Stop? { state.withLock { $0.stop } }

    var stopError: PostgresError? { stop.map { Self.error(for: $0, mayHaveRun: false) } }

    // MARK: What the caller's side does

    /// The caller's task was cancelled.
    func cancel() {
        let (gate, isRejected) = state.withLock { state -> (CancelGate?, Bool) in
            guard state.stop == nil else { return (nil, false) }
            switch state.phase {
            case .queued:
                state.stop = .cancelled
                state.phase = .finished
                return (nil, true)
            case .running(let gate):
                state.stop = .cancelled
                return (gate, false)
            case .finished:
                return (nil, false)
            }
        }
        if isRejected { reject(Self.error(for: .cancelled, mayHaveRun: false)) }
        gate?.cancel(self)
    }

    /// The deadline passed: the caller gets its answer now, whatever the session's thread is stuck in.
    func timeOut() {
        let (gate, mayHaveRun) = state.withLock { state -> (CancelGate?, Bool?) in
            switch state.phase {
            case .queued:
                state.stop = state.stop ?? .timedOut
                state.phase = .finished
                return (nil, false)
            case .running(let gate):
                state.stop = state.stop ?? .timedOut
                return (gate, state.outcomeIsOpen)
            case .finished:
                return (nil, nil)
            }
        }
        guard let mayHaveRun else { return }
        reject(Self.error(for: .timedOut, mayHaveRun: mayHaveRun))
        guard let gate else { return }
        gate.cancel(self)
        _ = Deadlines.shared.call(at: .now + Self.grace) { gate.cut(self) }
    }

    /// The pool does not take it, or takes it no further.
    func refuse(_ error: PostgresError) {
        finish()
        reject(error)
    }

    // MARK: What the session's thread does

    /// - Returns: false if the caller has an answer already and nothing is to be run.
    func start(on gate: CancelGate) -> Bool {
        gate.begin(self)
        let isStarted = state.withLock { state in
            guard case .queued = state.phase else { return false }
            state.phase = .running(gate)
            state.starts += 1
            return true
        }
        if !isStarted { gate.end() }
        return isStarted
    }

    /// What kills its session before an answer comes is not to do so again and again, to new ones.
    var isFirstStart: Bool { state.withLock { $0.starts <= 1 } }

    /// Back in the queue, because nothing has run.
    ///
    /// - Returns: false if it was stopped meanwhile; then the caller has its answer.
    func requeue() -> Bool {
        let stop = state.withLock { state -> Stop? in
            state.phase = state.stop == nil ? .queued : .finished
            state.outcomeIsOpen = false
            return state.stop
        }
        guard let stop else { return true }
        reject(Self.error(for: stop, mayHaveRun: false))
        return false
    }

    func finish() { state.withLock { $0.phase = .finished } }

    /// From here on the work may have happened even if no answer comes: called just before COMMIT is sent.
    ///
    /// - Returns: an error if the operation was stopped; then nothing may be sent.
    func openOutcome() -> PostgresError? {
        let stop = state.withLock { state -> Stop? in
            if state.stop == nil { state.outcomeIsOpen = true }
            return state.stop
        }
        return stop.map { Self.error(for: $0, mayHaveRun: false) }
    }

    /// The server said that the work did not happen.
    func closeOutcome() { state.withLock { $0.outcomeIsOpen = false } }

    private static func error(for stop: Stop, mayHaveRun: Bool) -> PostgresError {
        switch stop {
        case .cancelled:
            PostgresError(code: .cancelled, message: "the task was cancelled", mayHaveRun: mayHaveRun)
        case .timedOut:
            PostgresError(code: .timedOut, message: "the deadline passed", mayHaveRun: mayHaveRun)
        }
    }
}
