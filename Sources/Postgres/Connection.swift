internal import CPQ
internal import Glibc

/// A connection to the server, or none yet. Lives on one thread, in one variable, and never leaves it.
@safe struct Connection: ~Copyable {
    private var raw: OpaquePointer?
    let gate: CancelGate
    var prepared: PreparedStatements
    /// A prepared statement was refused because it is out of date; the same work can be run again.
    var sawStaleStatement = false
    /// No work has ended well on it since it was opened.
    var isFresh = true

    init(gate: CancelGate, preparedLimit: Int) {
        unsafe raw = nil
        self.gate = gate
        prepared = PreparedStatements(limit: preparedLimit)
    }

    deinit {
        guard let raw = unsafe raw else { return }
        gate.disconnect { unsafe PQfinish(raw) }
    }

    /// Connects and sets the session up. Blocks up to the time to connect.
    ///
    /// - Throws: ``PostgresError`` with code `connection`.
    mutating func open(_ configuration: PostgresConfiguration) throws(PostgresError) {
        close()
        let string = try ConnectionString(configuration.conninfo)
        let parameters = string.parameters(
            applicationName: configuration.applicationName, connectTimeout: configuration.connectTimeout)
        let made = unsafe withCStrings(parameters.map { $0.keyword }) { keywords in
            unsafe withCStrings(parameters.map { $0.value }) { values in
                unsafe PQconnectdbParams(keywords, values, 1)
            }
        }
        guard let made = unsafe made else {
            throw PostgresError(code: .connection, message: "no memory for a connection to the database")
        }
        guard unsafe PQstatus(made) == CONNECTION_OK, let cancel = unsafe PQgetCancel(made) else {
            let message = unsafe String(cString: PQerrorMessage(made))
            unsafe PQfinish(made)
            throw PostgresError(code: .connection, message: string.redacted(message.trimmed))
        }
        // Else libpq prints the server's notices.
        _ = unsafe PQsetNoticeReceiver(made, { _, _ in }, nil)
        unsafe raw = unsafe made
        isFresh = true
        gate.connected(socket: unsafe PQsocket(made), canceller: unsafe Canceller(takingOwnershipOf: cancel))
        do {
            gate.serves(
                backend: try ask(configuration.sessionSettings, within: configuration.connectTimeout)[0].int(0))
        } catch {
            close()
            throw error.with(code: .connection)
        }
    }

    mutating func close() {
        guard let old = unsafe raw else { return }
        gate.disconnect { unsafe PQfinish(old) }
        unsafe raw = nil
        prepared.removeAll()
    }

    var isLost: Bool {
        guard let raw = unsafe raw else { return true }
        return unsafe PQstatus(raw) != CONNECTION_OK
    }

    /// False if there is no connection or the server ended it since it was used last. Sends nothing.
    func isUsable() -> Bool {
        guard let raw = unsafe raw else { return false }
        for _ in 0..<16 {
            guard !isLost else { return false }
            var descriptor = pollfd(fd: unsafe PQsocket(raw), events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&descriptor, 1, 0) > 0 else { return true }
            guard unsafe PQconsumeInput(raw) == 1 else { return false }
            while let notification = unsafe PQnotifies(raw) { unsafe PQfreemem(notification) }
        }
        return true
    }

    /// How long a connection that listens may be silent before it is asked for a sign of life, and for that. Milliseconds.
    private static let silence: Int32 = 3000

    /// Waits for notifications and gives the names of their channels to `signal`.
    ///
    /// - Returns: false if the connection was lost.
    mutating func waitForNotifications(_ wake: Int32, _ signal: (String) -> Void) -> Bool {
        guard let socket = unsafe withHandle({ unsafe PQsocket($0) }) else { return false }
        var descriptors = [socket, wake].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let events = unsafe poll(&descriptors, 2, Self.silence)
        // Nothing came: is there anybody?
        if events == 0, (try? ask("SELECT 1", within: .milliseconds(Int(Self.silence)))) == nil { return false }
        guard events == 0 || descriptors[0].revents != 0 else { return true }
        guard let raw = unsafe raw, unsafe PQconsumeInput(raw) == 1, !isLost else { return false }
        while let notification = unsafe PQnotifies(raw) {
            signal(unsafe String(cString: notification.pointee.relname))
            unsafe PQfreemem(notification)
        }
        return true
    }

    enum TransactionState { case none, open, failed, unclear }

    /// Whether a transaction is open, as the server said with its last answer.
    var transactionState: TransactionState {
        switch unsafe withHandle({ unsafe PQtransactionStatus($0) }) {
        case PQTRANS_IDLE: .none
        case PQTRANS_INTRANS: .open
        case PQTRANS_INERROR: .failed
        default: .unclear
        }
    }

    /// The handle for the time of `body`, which may block; `nil` without a connection.
    func withHandle<R>(_ body: (OpaquePointer) -> R) -> R? {
        guard let raw = unsafe raw else { return nil }
        gate.enterCall()
        defer { gate.leaveCall() }
        return unsafe body(raw)
    }

    /// Runs a call that makes one result.
    func result(
        _ call: (OpaquePointer) -> OpaquePointer?
    ) throws(PostgresError) -> Rows {
        try check(unsafe withHandle { raw in unsafe call(raw).map { unsafe Rows(takingOwnershipOf: $0) } } ?? nil)
    }

    /// - Throws: the error that `rows` is, or the one of the connection if there is no result.
    @discardableResult func check(_ rows: Rows?) throws(PostgresError) -> Rows {
        guard let rows else { throw failure(nil) }
        switch rows.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return rows
        default: throw failure(rows)
        }
    }

    /// What went wrong, from the result of a statement or, without one, from the connection.
    func failure(_ rows: Rows?) -> PostgresError {
        let isLost = isLost
        if let rows, let sqlState = rows.diagnostic(PAIDAN_DIAG_SQLSTATE) {
            var message = rows.diagnostic(PAIDAN_DIAG_MESSAGE) ?? "no message"
            if sqlState.hasPrefix("22") { message = message.withoutQuotedValue }
            if let hint = rows.diagnostic(PAIDAN_DIAG_HINT) { message += "; hint: \(hint)" }
            return PostgresError(
                code: isLost ? .connection : .server, sqlState: sqlState,
                constraint: rows.diagnostic(PAIDAN_DIAG_CONSTRAINT), message: message)
        }
        if isLost { return PostgresError(code: .connection, message: "the connection to the database was lost") }
        switch rows?.status {
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            return PostgresError(code: .binding, message: "COPY is run by copyIn and copyOut only")
        default:
            let message = unsafe withHandle { unsafe String(cString: PQerrorMessage($0)) } ?? ""
            return PostgresError(code: .connection, message: "libpq: \(message.trimmed)")
        }
    }
}

extension String {
    var trimmed: String {
        String(decoding: Array(utf8.reversed().drop { $0 <= 32 }.reversed()), as: UTF8.self)
    }

    /// Messages of SQLSTATE class 22 (data exception) quote the value: `invalid input syntax for type date: "…"`.
    var withoutQuotedValue: String {
        guard let first = firstIndex(of: "\""), let last = lastIndex(of: "\""), first < last else { return self }
        return self[...first] + "…" + self[last...]
    }
}
