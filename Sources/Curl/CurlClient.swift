internal import OwnerThread

/// HTTP requests and mails over libcurl with kept connections: one owner thread for requests, one for mails.
///
/// libcurl waits for the reply after a mail's final dot without returning to its caller, minutes if the server is slow,
/// so mails neither share a thread with requests nor run beside each other.
public final class CurlClient: Sendable {
    private let requests: Shared
    private let mails: Shared

    public init(_ configuration: CurlConfiguration = CurlConfiguration(), name: String = "curl") {
        requests = Shared(configuration)
        var oneByOne = configuration
        oneByOne.transfers = 1
        mails = Shared(oneByOne)
        for (shared, name) in [(requests, name), (mails, name + "-mail")] {
            startThread(named: name) {
                var loop = TransferLoop(shared)
                loop.run()
            }
        }
    }

    deinit { close() }

    /// - Throws: ``CurlError``; a status like 500 is an answer, not an error.
    public func send(_ request: HTTPRequest) async throws(CurlError) -> HTTPResponse {
        try request.validate()
        guard case .http(let response) = try await perform(.http(request), on: requests, within: request.timeout) else {
            throw CurlError(.other, "the answer is of the wrong kind", mayHaveRun: true)
        }
        return response
    }

    /// - Throws: ``CurlError`` if the server's replies do not say what became of the mail; a refusal is a report.
    public func send(_ message: SMTPMessage) async throws(CurlError) -> SMTPReport {
        try message.validate()
        guard case .smtp(let report) = try await perform(.smtp(message), on: mails, within: message.timeout) else {
            throw CurlError(.other, "the answer is of the wrong kind", mayHaveRun: true)
        }
        return report
    }

    public var statistics: CurlStatistics {
        requests.statistics.withLock { $0 } + mails.statistics.withLock { $0 }
    }

    /// Takes no more requests and fails those that wait; the running ones end by themselves or at their deadlines.
    public func close() {
        requests.inbox.close()
        mails.inbox.close()
    }

    private func perform(
        _ work: Operation.Work, on shared: Shared, within timeout: Duration
    ) async throws(CurlError) -> Answer {
        let operation = Operation(id: shared.nextID(), work: work, deadline: .now + timeout)
        guard shared.enter() else { throw CurlError(.full, "too many requests wait for the network") }
        let result = await withTaskCancellationHandler {
            // In here, so that a task cancelled already finds its operation cancelled when it is put in.
            switch shared.inbox.put(operation) {
            case .accepted: return await operation.result()
            case .full: return shared.refuse(CurlError(.full, "too many requests wait for the network"))
            case .closed: return shared.refuse(CurlError(.closed, "the network client is closed"))
            }
        } onCancel: {
            if operation.cancel() { shared.cancel(operation.id) }
        }
        return try result.get()
    }

}

/// What callers and one owner thread have in common.
final class Shared: Sendable {
    let configuration: CurlConfiguration
    let inbox: Inbox<Operation>
    let waker: Waker
    let statistics = Lock(CurlStatistics())
    private let lastID = Lock(UInt64(0))
    private let cancelled = Lock<[UInt64]>([])

    init(_ configuration: CurlConfiguration) {
        precondition(configuration.inboxLimit >= 1 && configuration.transfers >= 1, "limits must be at least 1")
        precondition(configuration.connectionsPerHost >= 1 && configuration.mailsPerConnection >= 1)
        precondition(configuration.idle >= .seconds(1), "idle must be at least 1 s")
        self.configuration = configuration
        let waker = Waker()
        self.waker = waker
        inbox = Inbox(limit: configuration.inboxLimit) { waker.wake() }
    }

    func nextID() -> UInt64 {
        lastID.withLock { last in
            last += 1
            return last
        }
    }

    /// - Returns: false if too many requests wait or run.
    func enter() -> Bool {
        statistics.withLock { statistics in
            guard statistics.depth < configuration.inboxLimit else { return false }
            statistics.depth += 1
            return true
        }
    }

    func refuse(_ error: CurlError) -> Result<Answer, CurlError> {
        leave(answered: false)
        return .failure(error)
    }

    func leave(answered: Bool) {
        statistics.withLock { statistics in
            statistics.depth -= 1
            if answered { statistics.answered += 1 } else { statistics.failed += 1 }
        }
    }

    func cancel(_ id: UInt64) {
        cancelled.withLock { $0.append(id) }
        waker.wake()
    }

    func takeCancelled() -> [UInt64] {
        cancelled.withLock { ids in
            defer { ids = [] }
            return ids
        }
    }
}
