internal import CPQ
internal import Glibc
internal import OwnerThread

extension Connection {
    /// Runs one statement without preparing it, and waits for its answer no longer than that.
    ///
    /// - Throws: ``PostgresError``; code `connection` if no answer came, and the connection is closed then.
    mutating func ask(_ sql: SQL, within limit: Duration) throws(PostgresError) -> Rows {
        let deadline = ContinuousClock.now + limit
        let binds = try EncodedBinds(sql.binds)
        let types = binds.types
        let sent = unsafe withHandle { raw in
            unsafe binds.withPointers { values, lengths, formats in
                unsafe PQsendQueryParams(raw, sql.text, binds.count, types, values, lengths, formats, 0)
            }
        }
        guard sent == 1 else { throw failure(nil) }
        while unsafe withHandle({ unsafe PQisBusy($0) }) == 1 {
            guard waitForInput(until: deadline) else {
                close()
                throw PostgresError(code: .connection, message: "the database server did not answer within \(limit)")
            }
            guard unsafe withHandle({ unsafe PQconsumeInput($0) }) == 1 else { throw failure(nil) }
        }
        let rows = nextResult()
        while nextResult() != nil {}
        return try check(rows)
    }

    /// - Returns: false once the time is over.
    private func waitForInput(until deadline: ContinuousClock.Instant) -> Bool {
        let left = deadline - .now
        guard left > .zero, let socket = unsafe withHandle({ unsafe PQsocket($0) }) else { return false }
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        // Interrupted or not: the caller looks at the clock again.
        _ = unsafe poll(&descriptor, 1, Int32(clamping: Int64(left / .milliseconds(1)) + 1))
        return true
    }
}
