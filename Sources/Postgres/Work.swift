internal import Glibc
internal import OwnerThread

/// Times that work is run when the server asks to run it again.
private let attempts = 2

extension Connection {
    /// Runs `body` in a transaction, once more if the server asks for it.
    ///
    /// - Returns: `nil` if the connection was dead before anything was done.
    mutating func transact<T>(
        _ operation: Operation, onRetry: () -> Void, _ body: (inout Transaction) throws -> T
    ) -> Result<T, any Error>? {
        for attempt in 1... {
            if let error = operation.stopError { return .failure(error) }
            sawStaleStatement = false
            var transaction = Transaction(self, operation)
            var result: Result<T, any Error>
            do { result = .success(try body(&transaction)) } catch { result = .failure(error) }
            if case .success = result {
                do throws(PostgresError) { try transaction.finish() } catch { result = .failure(error) }
            }
            var failure = transaction.failure
            if let refusal = transaction.refusal, failure == nil, operation.stop == nil { result = .failure(refusal) }
            let isBegun = transaction.isBegun
            self = transaction.end()
            if isLost, !isBegun, failure?.code == .connection, operation.isFirstStart || !isFresh { return nil }
            if case .success = result, isBegun {
                do throws(PostgresError) { try commit(operation) } catch {
                    failure = error
                    result = .failure(error)
                }
            }
            guard case .failure = result else { return result }
            let isUndone = rollBack(operation)
            let asksForRetry = failure?.asksForRetry == true || sawStaleStatement
            guard attempt < attempts, isUndone, asksForRetry, operation.stop == nil else { return result }
            onRetry()
            pauseBeforeRetry()
        }
        return nil
    }

    /// Runs one statement that is a transaction of its own.
    ///
    /// - Returns: `nil` if the connection was dead before anything was done.
    mutating func autocommit(
        _ operation: Operation, onRetry: () -> Void, _ sql: SQL
    ) -> Result<Rows, PostgresError>? {
        for attempt in 1... {
            if let error = operation.stopError { return .failure(error) }
            sawStaleStatement = false
            let ready: Ready
            do { ready = try prepare(sql) } catch {
                return error.code == .connection ? nil : .failure(error.stopped(operation))
            }
            if let error = operation.openOutcome() { return .failure(error) }
            do { return .success(try run(ready)) } catch {
                let isLost = error.code == .connection
                if !isLost { operation.closeOutcome() }
                let asksForRetry = error.asksForRetry || sawStaleStatement
                guard attempt < attempts, !isLost, asksForRetry, operation.stop == nil else {
                    return .failure(error.stopped(operation).with(mayHaveRun: isLost))
                }
                onRetry()
                pauseBeforeRetry()
            }
        }
        return nil
    }

    private func commit(_ operation: Operation) throws(PostgresError) {
        if isLost { throw PostgresError(code: .connection, message: "the connection was lost") }
        if let error = operation.openOutcome() { throw error }
        do throws(PostgresError) {
            let tag = try command("COMMIT").commandTag
            // COMMIT of a transaction in which a statement failed succeeds, as a ROLLBACK.
            guard tag == "COMMIT" else {
                operation.closeOutcome()
                throw PostgresError(code: .server, sqlState: "25P02", message: "the transaction was rolled back")
            }
        } catch {
            if error.code == .connection { throw error.stopped(operation).with(mayHaveRun: true) }
            operation.closeOutcome()
            throw error.stopped(operation)
        }
    }

    /// Leaves the connection without a transaction: rolled back, or closed.
    ///
    /// - Returns: false if it had to be closed.
    private mutating func rollBack(_ operation: Operation) -> Bool {
        // A request to cancel may be on its way and would hit the ROLLBACK.
        guard gate.settle(), !isLost else {
            close()
            return false
        }
        switch transactionState {
        case .none: return true
        case .open, .failed: if (try? command("ROLLBACK")) != nil { return true }
        // In the middle of a COPY that was not ended.
        case .unclear: break
        }
        close()
        return false
    }

    /// Up to 20 ms, different for the two sides of a deadlock.
    private func pauseBeforeRetry() { usleep(UInt32.random(in: 1000...20_000)) }
}

extension PostgresError {
    /// The reason for stopping, where this error is only its consequence. 57014 is query_canceled.
    func stopped(_ operation: Operation) -> PostgresError {
        guard sqlState == "57014" || code == .connection, let stop = operation.stopError else { return self }
        return stop
    }
}
