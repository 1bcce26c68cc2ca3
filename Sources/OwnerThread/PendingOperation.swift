/// One operation on its way through an owner thread: queued → running → done, with one answer.
///
/// Whoever comes first gives the answer: the owner, a deadline, or the caller's cancellation, which is told whether
/// the operation had been started.
public final class PendingOperation<Value: Sendable, Failure: Error>: Sendable {
    private typealias Answer = Result<Value, Failure>

    private struct State {
        var started = false
        var done = false
        /// An answer that came before `value()`.
        var early: Answer?
        var waiter: CheckedContinuation<Answer, Never>?
    }

    private let state = Lock(State())

    public init() {}

    /// True once an answer was given.
    public var isDone: Bool { state.withLock { $0.done } }

    /// The owner is about to run it.
    ///
    /// - Returns: false if it was answered while it was queued: it must not run.
    public func start() -> Bool {
        state.withLock { state in
            if state.done { return false }
            state.started = true
            return true
        }
    }

    /// The owner found that it did not run after all; it is queued again.
    public func putBack() { state.withLock { $0.started = false } }

    /// - Returns: false if an answer had been given before; this one is dropped.
    @discardableResult public func finish(_ answer: Result<Value, Failure>) -> Bool {
        finish { _ in answer }
    }

    /// Gives an answer that depends on whether the operation had been started.
    ///
    /// - Returns: false if an answer had been given before.
    @discardableResult public func finish(_ answer: (_ started: Bool) -> Result<Value, Failure>) -> Bool {
        let (first, waiter, result) = state.withLock {
            state -> (Bool, CheckedContinuation<Result<Value, Failure>, Never>?, Result<Value, Failure>?) in
            if state.done { return (false, nil, nil) }
            let result = answer(state.started)
            state.done = true
            guard let waiter = state.waiter else {
                state.early = result
                return (true, nil, nil)
            }
            state.waiter = nil
            return (true, waiter, result)
        }
        // Outside the lock: what resumes may come straight back here.
        if let waiter, let result { waiter.resume(returning: result) }
        return first
    }

    /// Waits for the answer. To be called once.
    ///
    /// - Parameter cancelled: makes the failure when the calling task is cancelled first.
    public func value(cancelled: @escaping @Sendable (_ started: Bool) -> Failure) async throws(Failure) -> Value {
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let early = state.withLock { state -> Result<Value, Failure>? in
                    precondition(state.waiter == nil, "value() is called once")
                    if state.done { return state.early }
                    state.waiter = waiter
                    return nil
                }
                if let early { waiter.resume(returning: early) }
            }
        } onCancel: {
            finish { .failure(cancelled($0)) }
        }
        return try answer.get()
    }
}
