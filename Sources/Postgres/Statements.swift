internal import CPQ

/// Statements the server keeps prepared for this session, by text; the one used longest ago goes first.
struct PreparedStatements {
    /// One text may come with a `bytea` in a place where another time is a text.
    struct Key: Hashable {
        let text: String
        let types: [UInt32]
    }

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    private let limit: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0
    private var lastNumber: UInt64 = 0

    init(limit: Int) { self.limit = max(4, limit) }

    var isFull: Bool { entries.count >= limit }

    mutating func name(of key: Key) -> String? {
        uses += 1
        guard let index = entries.index(forKey: key) else { return nil }
        entries.values[index].lastUse = uses
        return entries.values[index].name
    }

    mutating func newName() -> String {
        lastNumber += 1
        return "s\(lastNumber)"
    }

    mutating func insert(_ key: Key, name: String) { entries[key] = Entry(name: name, lastUse: uses) }

    mutating func remove(_ key: Key) { entries[key] = nil }

    mutating func removeAll() { entries = [:] }

    /// Forgets the quarter used longest ago.
    ///
    /// - Returns: their names, to be deallocated.
    mutating func removeOldest() -> [String] {
        let oldest = entries.sorted { $0.value.lastUse < $1.value.lastUse }.prefix(max(1, limit / 4))
        for (key, _) in oldest { entries[key] = nil }
        return oldest.map { $0.value.name }
    }
}

extension Connection {
    /// Runs statements given as one text, by the simple protocol.
    @discardableResult func command(_ text: String) throws(PostgresError) -> Rows {
        guard !text.utf8.contains(0) else {
            throw PostgresError(code: .binding, message: "the text of the statement holds a zero byte")
        }
        return try unsafe result { unsafe PQexec($0, text) }
    }

    /// Runs a statement without preparing it.
    func runOnce(_ sql: SQL) throws(PostgresError) -> Rows {
        let binds = try EncodedBinds(sql.binds)
        let types = binds.types
        return try unsafe result { raw in
            unsafe binds.withPointers { values, lengths, formats in
                unsafe PQexecParams(raw, sql.text, binds.count, types, values, lengths, formats, 0)
            }
        }
    }

    /// A statement made ready: prepared on the server, its values in the form they are sent.
    struct Ready: ~Copyable {
        let key: PreparedStatements.Key
        let name: String
        let binds: EncodedBinds
    }

    mutating func prepare(_ sql: SQL) throws(PostgresError) -> Ready {
        guard !sql.text.utf8.contains(0) else {
            throw PostgresError(code: .binding, message: "the text of the statement holds a zero byte")
        }
        let binds = try EncodedBinds(sql.binds)
        let key = PreparedStatements.Key(text: sql.text, types: binds.types)
        if let name = prepared.name(of: key) { return Ready(key: key, name: name, binds: binds) }
        try makeRoomForPrepared()
        let name = prepared.newName()
        _ = try unsafe result { unsafe PQprepare($0, name, sql.text, binds.count, binds.types) }
        prepared.insert(key, name: name)
        return Ready(key: key, name: name, binds: binds)
    }

    /// Deallocates old statements if there are as many as there may be.
    mutating func makeRoomForPrepared() throws(PostgresError) {
        guard prepared.isFull, transactionState != .failed else { return }
        do throws(PostgresError) { try command(prepared.removeOldest().map { "DEALLOCATE \($0);" }.joined()) } catch {
            noteStale(error, nil, nil)
            throw error
        }
    }

    mutating func run(_ ready: borrowing Ready) throws(PostgresError) -> Rows {
        let binds = ready.binds
        let name = ready.name
        let rows = unsafe withHandle { raw in
            unsafe binds.withPointers { values, lengths, formats in
                unsafe PQexecPrepared(raw, name, binds.count, values, lengths, formats, 0)
            }.map { unsafe Rows(takingOwnershipOf: $0) }
        }
        do { return try check(rows ?? nil) } catch {
            if error.code == .binding { close() }
            noteStale(error, rows ?? nil, ready.key)
            throw error
        }
    }

    /// Looks whether the server lost its prepared statements (DISCARD) or the columns of one changed (a migration).
    mutating func noteStale(_ error: PostgresError, _ rows: Rows?, _ key: PreparedStatements.Key?) {
        if error.sqlState == "26000" {
            // One that is lost was lost with all others.
            prepared.removeAll()
        } else if error.sqlState == "0A000", rows?.diagnostic(PAIDAN_DIAG_FUNCTION) == "RevalidateCachedQuery", let key
        {
            prepared.remove(key)
        } else {
            return
        }
        sawStaleStatement = true
    }
}
