/// One open transaction, on the session's thread. Its body is synchronous, so nothing is awaited while it is open.
public struct Transaction: ~Copyable {
    var connection: Connection
    let operation: Operation
    /// The error that made the open transaction unusable.
    var failure: PostgresError?
    private var savepoints = 0

    init(_ connection: consuming Connection, _ operation: Operation) {
        self.connection = connection
        self.operation = operation
    }

    consuming func end() -> Connection { connection }

    /// True once the caller's task was cancelled or the deadline passed: the transaction will be rolled back.
    public var isCancelled: Bool { operation.stop != nil }

    /// Runs one statement, which is prepared once for each distinct text and session.
    ///
    /// - Throws: ``PostgresError``; the transaction is unusable then, except through an outer ``savepoint(_:)``.
    public mutating func query(_ sql: SQL) throws(PostgresError) -> Rows {
        try checked { connection throws(PostgresError) in
            let ready = try connection.prepare(sql)
            return try connection.run(ready)
        }
    }

    /// Runs several statements given as one text, without values (migrations).
    ///
    /// - Throws: ``PostgresError``; also if the script ended the transaction, whose outcome is then unknown.
    public mutating func run(script: String) throws(PostgresError) {
        // A COMMIT may hide in the text.
        if let error = operation.openOutcome() { throw error }
        try checked { connection throws(PostgresError) in try connection.command(script) }
        guard connection.transactionState == .open else {
            let error = PostgresError(
                code: .server, message: "the script ended the transaction; leave BEGIN, COMMIT and ROLLBACK out of it",
                mayHaveRun: true)
            failure = failure ?? error
            throw error
        }
        operation.closeOutcome()
    }

    /// Runs `body` so that its failure undoes only what it did itself.
    ///
    /// - Throws: what `body` throws; what it did is undone then, and the transaction can go on.
    public mutating func savepoint<T>(_ body: (inout Transaction) throws -> T) throws -> T {
        savepoints += 1
        defer { savepoints -= 1 }
        let name = "paidan_\(savepoints)"
        try checked { connection throws(PostgresError) in try connection.command("SAVEPOINT \(name)") }
        do {
            let value = try body(&self)
            try checked { connection throws(PostgresError) in try connection.command("RELEASE SAVEPOINT \(name)") }
            return value
        } catch {
            guard !isCancelled, [.open, .failed].contains(connection.transactionState) else { throw error }
            // The original error says more than a failure to undo, which shows at the next statement.
            let undone = try? connection.command("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
            if undone != nil { failure = nil }
            throw error
        }
    }

    /// Runs `body` unless the operation was stopped, and keeps the first failure.
    @discardableResult
    mutating func checked<R>(
        _ body: (inout Connection) throws(PostgresError) -> R
    ) throws(PostgresError) -> R {
        if let error = operation.stopError { throw error }
        do { return try body(&connection) } catch {
            if failure == nil, error.code != .binding { failure = error }
            // 57014 is query_canceled.
            if error.sqlState == "57014" || error.code == .connection, let stop = operation.stopError { throw stop }
            throw error
        }
    }
}
