internal import CPQ

/// The answer to one statement: its rows, decoded on access.
@safe public final class Rows: @unchecked Sendable {
    // A PGresult is not changed once it is complete, so any thread may read it (libpq manual, 34.20).
    private let raw: OpaquePointer

    /// libpq: "You can keep a PGresult object around for as long as you need it … free it with PQclear".
    init(takingOwnershipOf raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe PQclear(raw) }

    /// Rows that an INSERT, UPDATE, DELETE, MERGE or COPY changed, or a SELECT returned.
    public var affected: Int { Int(unsafe String(cString: PQcmdTuples(raw))) ?? 0 }

    /// Names of the columns.
    public var columns: [String] {
        (0..<columnCount).map { columnName($0) }
    }

    private var columnCount: Int { Int(unsafe PQnfields(raw)) }

    /// What the server did, as `INSERT 0 1` or `COMMIT`.
    var commandTag: String { unsafe String(cString: PQcmdStatus(raw)) }

    var status: ExecStatusType { unsafe PQresultStatus(raw) }

    /// The server takes or gives rows of a COPY now.
    var isCopy: Bool { [PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH].contains(status) }

    func diagnostic(_ field: Int) -> String? {
        guard let text = unsafe PQresultErrorField(raw, Int32(field)) else { return nil }
        return unsafe String(cString: text)
    }

    func isNull(_ row: Int, _ column: Int) -> Bool { unsafe PQgetisnull(raw, Int32(row), Int32(column)) == 1 }

    /// The value as it came, `nil` for NULL.
    func withValue<R>(_ row: Int, _ column: Int, _ body: (RawSpan) -> R) -> R? {
        precondition(column >= 0 && column < columnCount, "no column \(column)")
        guard !isNull(row, column) else { return nil }
        let length = Int(unsafe PQgetlength(raw, Int32(row), Int32(column)))
        let start = unsafe UnsafeRawPointer(PQgetvalue(raw, Int32(row), Int32(column)))
        return body(unsafe UnsafeRawBufferPointer(start: start, count: length).bytes)
    }

    func columnName(_ column: Int) -> String {
        guard let name = unsafe PQfname(raw, Int32(column)) else { return "\(column)" }
        return unsafe String(cString: name)
    }
}

extension Rows: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { Int(unsafe PQntuples(raw)) }

    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < endIndex, "no row \(position), there are \(endIndex)")
        return Row(rows: self, index: position)
    }
}
