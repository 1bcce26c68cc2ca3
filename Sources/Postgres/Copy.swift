internal import CPQ

extension Transaction {
    /// Runs `COPY … FROM STDIN` (text format) with the rows that `write` gives.
    ///
    /// - Returns: the number of rows stored.
    /// - Throws: what `write` throws, or ``PostgresError``; the transaction is unusable then, except through an outer
    ///   ``savepoint(_:)``.
    public mutating func copyIn(_ statement: String, _ write: (inout CopyWriter) throws -> Void) throws -> Int {
        try flush()
        try checked { connection throws(PostgresError) in try connection.beginCopy(statement, PGRES_COPY_IN) }
        var writer = connection.copyWriter(operation)
        do {
            try write(&writer)
            if let error = writer.finish() { throw error }
        } catch {
            do throws(PostgresError) { _ = try connection.endCopyIn(abort: "the client gave up") } catch {
                failure = failure ?? error
                if let stop = operation.stopError { throw stop }
            }
            throw error
        }
        return try checked { connection throws(PostgresError) in try connection.endCopyIn(abort: nil).affected }
    }

    /// Runs `COPY … TO STDOUT` and calls `line` for each row, without its line end; escapes are left as they are.
    ///
    /// - Throws: what `line` throws (the rest of the rows is read and dropped first), or ``PostgresError``.
    public mutating func copyOut(_ statement: String, _ line: ([UInt8]) throws -> Void) throws {
        try flush()
        try checked { connection throws(PostgresError) in try connection.beginCopy(statement, PGRES_COPY_OUT) }
        var refusal: (any Error)?
        while let bytes = connection.nextCopyLine() {
            guard refusal == nil else { continue }
            do { try line(bytes) } catch { refusal = error }
        }
        try checked { connection throws(PostgresError) in try connection.endCopy() }
        if let refusal { throw refusal }
    }
}

extension Connection {
    fileprivate mutating func beginCopy(_ statement: String, _ wanted: ExecStatusType) throws(PostgresError) {
        guard !statement.utf8.contains(0) else {
            throw PostgresError(code: .binding, message: "the text of the statement holds a zero byte")
        }
        let rows = unsafe withHandle { raw in
            unsafe PQexec(raw, statement).map { unsafe Rows(takingOwnershipOf: $0) }
        }
        guard let rows = rows ?? nil else { throw failure(nil) }
        if rows.status == wanted { return }
        defer {
            // There is no short way out of the wrong kind of COPY.
            if rows.isCopy { close() }
        }
        try check(rows)
        throw PostgresError(code: .binding, message: "the statement is not the COPY it should be")
    }

    fileprivate func copyWriter(_ operation: Operation) -> CopyWriter {
        unsafe CopyWriter(operation, gate, withHandle { unsafe $0 })
    }

    fileprivate func endCopyIn(abort reason: String?) throws(PostgresError) -> Rows {
        let sent = unsafe withHandle { raw in
            if let reason { return unsafe PQputCopyEnd(raw, reason) }
            return unsafe PQputCopyEnd(raw, nil)
        }
        guard sent == 1 else { throw failure(nil) }
        return try endCopy()
    }

    @discardableResult fileprivate func endCopy() throws(PostgresError) -> Rows {
        let rows = nextResult()
        while nextResult() != nil {}
        return try check(rows)
    }

    /// The next line without its end; `nil` after the last or on an error, which `endCopy()` reports.
    fileprivate func nextCopyLine() -> [UInt8]? {
        let line = unsafe withHandle { raw -> [UInt8]? in
            var start: UnsafeMutablePointer<CChar>?
            let length = unsafe PQgetCopyData(raw, &start, 0)
            guard length > 0, let start = unsafe start else { return nil }
            defer { unsafe PQfreemem(start) }
            var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(length)))
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            return bytes
        }
        return line ?? nil
    }
}
