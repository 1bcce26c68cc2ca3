/// The answer to one operation: whoever comes first (the owner thread, a deadline, a cancellation) gives it, once.
///
/// Later answers are dropped, which is how a reply that comes after its deadline loses its reader.
public final class OneShot<Value: Sendable, Failure: Error>: Sendable {
    private enum State {
        case waiting
        case suspended(CheckedContinuation<Result<Value, Failure>, Never>)
        case answered(Result<Value, Failure>)
        case done
    }

    private let state = Lock(State.waiting)

    public init() {}

    /// True once an answer was given.
    public var isAnswered: Bool {
        state.withLock {
            switch $0 {
            case .waiting, .suspended: false
            case .answered, .done: true
            }
        }
    }

    /// - Returns: false if an answer had been given before; this one is dropped.
    @discardableResult public func answer(_ result: Result<Value, Failure>) -> Bool {
        typealias Waiter = CheckedContinuation<Result<Value, Failure>, Never>
        let (first, continuation) = state.withLock { state -> (Bool, Waiter?) in
            switch state {
            case .waiting:
                state = .answered(result)
                return (true, nil)
            case .suspended(let continuation):
                state = .done
                return (true, continuation)
            case .answered, .done:
                return (false, nil)
            }
        }
        // Outside the lock: what resumes may come straight back here.
        continuation?.resume(returning: result)
        return first
    }

    /// Waits for the answer. To be called once.
    public func value() async throws(Failure) -> Value {
        let result = await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Result<Value, Failure>? in
                switch state {
                case .waiting:
                    state = .suspended(continuation)
                    return nil
                case .answered(let result):
                    state = .done
                    return result
                case .suspended, .done:
                    preconditionFailure("value() is called once")
                }
            }
            if let ready { continuation.resume(returning: ready) }
        }
        return try result.get()
    }
}
