internal import OwnerThread

enum Answer: Sendable {
    case http(HTTPResponse)
    case smtp(SMTPReport)
}

/// One request from its call to its answer: queued → running → done.
final class Operation: Sendable {
    enum Work: Sendable {
        case http(HTTPRequest)
        case smtp(SMTPMessage)
    }
    private enum State { case queued, running, cancelled }

    let id: UInt64
    let work: Work
    let deadline: ContinuousClock.Instant
    private let answer = OneShot<Answer, CurlError>()
    private let state = Lock(State.queued)

    init(id: UInt64, work: Work, deadline: ContinuousClock.Instant) {
        self.id = id
        self.work = work
        self.deadline = deadline
    }

    /// - Returns: false if it was cancelled before.
    func start() -> Bool {
        state.withLock { state in
            guard case .queued = state else { return false }
            state = .running
            return true
        }
    }

    var isCancelled: Bool {
        state.withLock { state in
            if case .cancelled = state { true } else { false }
        }
    }

    /// - Returns: true if it is running, so that the owner thread has to end it.
    func cancel() -> Bool {
        let wasQueued = state.withLock { state -> Bool in
            defer { state = .cancelled }
            if case .queued = state { return true }
            return false
        }
        if wasQueued { answer.answer(.failure(CurlError(.cancelled, "cancelled before it was sent"))) }
        return !wasQueued
    }

    func finish(_ result: Result<Answer, CurlError>) { answer.answer(result) }

    func result() async -> Result<Answer, CurlError> {
        do { return .success(try await answer.value()) } catch { return .failure(error) }
    }
}
