internal import OwnerThread

/// A fixed number of database sessions, each a connection on a thread of its own, that share one queue of work.
///
/// A session connects when work first needs it, and reconnects with back-off; work waits for that until its deadline.
public final class PostgresPool: Sendable {
    private let share: SessionShare

    public init(_ configuration: PostgresConfiguration) {
        precondition(configuration.sessions >= 1, "sessions must be at least 1, is \(configuration.sessions)")
        share = SessionShare(configuration)
        for number in 1...configuration.sessions {
            startThread(named: "pg-\(number)") { [share] in
                var session = Session(share)
                session.run()
            }
        }
    }

    deinit { close() }

    /// Runs `body` in one transaction and commits it; an error that `body` throws rolls it back.
    ///
    /// `body` is synchronous on purpose: nothing can be awaited while a transaction is open. It is run once more on a
    /// serialization failure or a deadlock, so it must have no effects but those on the database.
    ///
    /// - Parameter deadline: time for everything, waiting for a session included; the configuration's by default.
    /// - Throws: what `body` throws, or ``PostgresError``. A cancelled task gets code `cancelled`.
    public func transaction<T: Sendable>(
        deadline: Duration? = nil, _ body: @escaping @Sendable (inout Transaction) throws -> T
    ) async throws -> T {
        let answer = OneShot<T, any Error>()
        let operation = Operation(
            deadline: time(deadline), reject: { answer.answer(.failure($0)) },
            work: { [share] connection, operation in
                guard let result = connection.transact(operation, onRetry: share.countRetry, body) else {
                    return .notStarted
                }
                operation.finish()
                answer.answer(result)
                return .finished
            })
        do { return try await value(of: answer, operation) } catch {
            share.count(error)
            throw error
        }
    }

    /// Runs one statement, which is a transaction of its own.
    ///
    /// - Parameter deadline: as for ``transaction(deadline:_:)``.
    public func query(_ sql: SQL, deadline: Duration? = nil) async throws(PostgresError) -> Rows {
        let answer = OneShot<Rows, PostgresError>()
        let operation = Operation(
            deadline: time(deadline), reject: { answer.answer(.failure($0)) },
            work: { [share] connection, operation in
                guard let result = connection.autocommit(operation, onRetry: share.countRetry, sql) else {
                    return .notStarted
                }
                operation.finish()
                answer.answer(result)
                return .finished
            })
        do { return try await value(of: answer, operation) } catch {
            share.count(error)
            throw error
        }
    }

    /// Takes nothing in any more and refuses what waits; what runs is finished, then the connections are closed.
    public func close() {
        for operation in share.queue.close() { operation.refuse(.closed) }
    }

    public var statistics: PostgresStatistics { PostgresStatistics(share) }

    private func time(_ deadline: Duration?) -> ContinuousClock.Instant {
        .now + (deadline ?? share.configuration.deadline)
    }

    private func value<T, E>(of answer: OneShot<T, E>, _ operation: Operation) async throws(E) -> T {
        let timer = Deadlines.shared.call(at: operation.deadline) { operation.timeOut() }
        let result = await withTaskCancellationHandler {
            submit(operation)
            do throws(E) { return Result<T, E>.success(try await answer.value()) } catch { return .failure(error) }
        } onCancel: {
            operation.cancel()
        }
        Deadlines.shared.withdraw(timer)
        return try result.get()
    }

    private func submit(_ operation: Operation) {
        if let refusal = share.refusal { return operation.refuse(refusal) }
        var acceptance = share.queue.put(operation)
        if acceptance == .full {
            // Those that were stopped while waiting are not counted.
            share.queue.removeAll { $0.isFinished }
            acceptance = share.queue.put(operation)
        }
        switch acceptance {
        case .accepted: break
        case .full: operation.refuse(.full)
        case .closed: operation.refuse(.closed)
        }
    }
}

/// The state of a pool and what it did since it was made.
public struct PostgresStatistics: Sendable, Hashable {
    /// Transactions and queries waiting for a session.
    public let depth: Int
    public let sessions: Int
    /// Sessions at work.
    public let busy: Int
    /// Transactions and queries that were run.
    public let finished: Int
    /// Time that all of them together waited for a session.
    public let waited: Duration
    /// Connections made, the first of each session included.
    public let connects: Int
    /// Attempts to connect that failed, and connections lost under work.
    public let connectionErrors: Int
    /// Transactions and queries that ended with an error of the server.
    public let serverErrors: Int
    public let timeouts: Int
    public let cancellations: Int
    /// Transactions and queries that were run again, as the server asked.
    public let retries: Int

    init(_ share: SessionShare) {
        let counters = share.counters.withLock { $0 }
        depth = share.queue.depth
        sessions = share.configuration.sessions
        busy = counters.busy
        finished = counters.finished
        waited = counters.waited
        connects = counters.connects
        connectionErrors = counters.connectionErrors
        serverErrors = counters.serverErrors
        timeouts = counters.timeouts
        cancellations = counters.cancellations
        retries = counters.retries
    }
}
