/// One open transaction, on the session's thread. Its body is synchronous, so nothing is awaited while it is open.
public struct Transaction: ~Copyable {
    var connection: Connection
    let operation: Operation
    /// The error that made the open transaction unusable.
    var failure: PostgresError?
    /// What the answer to a statement for which nobody waited says against the commit.
    private(set) var refusal: (any Error)?
    /// False until the server has answered something: nothing was done then.
    private(set) var isBegun = false
    private var waiting = [Statement<Void>("BEGIN")]
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
        if !waiting.isEmpty {
            return try answers([sql], unnamed: waiting.count + 1)[0]
        }
        return try checked { connection throws(PostgresError) in
            let ready = try connection.prepare(sql)
            return try connection.run(ready)
        }
    }

    /// Runs statements for whose answers nobody waits: they share the round trip of the next that somebody waits for, or
    /// go out before the commit. What they set counts from the next statement on.
    ///
    /// An error of the server is thrown there. What a reader throws lets the rest run and then fails the transaction.
    public mutating func later(_ statements: [Statement<Void>]) { waiting += statements }

    /// The same for one.
    public mutating func later(_ statement: Statement<Void>) { waiting.append(statement) }

    /// Runs statements in few round trips (pipeline mode), in their order, behind those that wait for company.
    ///
    /// - Returns: one answer for each statement.
    /// - Throws: ``PostgresError`` of the first statement that failed, its index in `statement`; those before it ran,
    ///   those after it did not, and the transaction is unusable.
    public mutating func pipeline(_ statements: [SQL]) throws(PostgresError) -> [Rows] {
        try answers(statements, unnamed: waiting.count)
    }

    /// - Parameter unnamed: so many statements, those that wait counted, are not named in errors.
    private mutating func answers(_ statements: [SQL], unnamed: Int) throws(PostgresError) -> [Rows] {
        let early = waiting
        let all = early.map(\.sql) + statements
        var answers: [Rows] = []
        answers.reserveCapacity(all.count)
        var start = 0
        while start < all.count {
            let end = min(start + Connection.longestPipeline, all.count)
            do throws(PostgresError) {
                answers += try checked { connection throws(PostgresError) in
                    do throws(PostgresError) { return try connection.pipeline(all[start..<end]) } catch {
                        throw error.withoutStatements(unnamed)
                    }
                }
            } catch {
                // Where something cannot be bound nothing of the part is sent, and what waits goes on waiting.
                if start > 0 { failure = failure ?? error }
                if error.code != .binding { waiting = [] }
                throw error
            }
            waiting = []
            start = end
        }
        for (statement, rows) in zip(early, answers) {
            do { try statement.read(rows) } catch { refusal = refusal ?? error }
        }
        return Array(answers.dropFirst(early.count))
    }

    /// Before the commit: sends what still waits, if anything is to be done at all.
    ///
    /// - Throws: also what the body passed over. Where BEGIN itself failed, or was not sent, COMMIT would succeed.
    mutating func finish() throws(PostgresError) {
        if let error = operation.stopError ?? failure { throw error }
        if isBegun || waiting.count > 1 { try flush() }
    }

    /// Before what cannot be part of a pipeline.
    mutating func flush() throws(PostgresError) {
        if waiting.isEmpty { return }
        _ = try pipeline([])
    }

    /// Runs several statements given as one text, without values (migrations).
    ///
    /// - Throws: ``PostgresError``; also if the script ended the transaction, whose outcome is then unknown.
    public mutating func run(script: String) throws(PostgresError) {
        try flush()
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
        try flush()
        let refusalBefore = refusal
        try checked { connection throws(PostgresError) in try connection.command("SAVEPOINT \(name)") }
        do {
            let value = try body(&self)
            try flush()
            if refusalBefore == nil, let refusal { throw refusal }
            try checked { connection throws(PostgresError) in try connection.command("RELEASE SAVEPOINT \(name)") }
            return value
        } catch {
            guard !isCancelled, [.open, .failed].contains(connection.transactionState) else { throw error }
            // The original error says more than a failure to undo, which shows at the next statement.
            let undone = try? connection.command("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
            waiting = []
            if undone != nil { (failure, refusal) = (nil, refusalBefore) }
            throw error
        }
    }

    /// Runs `body` unless the operation was stopped, and keeps the first failure.
    @discardableResult
    mutating func checked<R>(
        _ body: (inout Connection) throws(PostgresError) -> R
    ) throws(PostgresError) -> R {
        if let error = operation.stopError { throw error }
        // Without a transaction, where BEGIN failed, the statement would be one of its own.
        if let failure { throw failure }
        do throws(PostgresError) {
            let value = try body(&connection)
            isBegun = true
            return value
        } catch {
            isBegun = isBegun || error.code == .server
            if failure == nil, error.code != .binding { failure = error }
            // 57014 is query_canceled.
            if error.sqlState == "57014" || error.code == .connection, let stop = operation.stopError { throw stop }
            throw error
        }
    }
}
