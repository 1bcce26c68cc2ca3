/// A statement and how its answer is read.
public struct Statement<Answer>: Sendable {
    let sql: SQL
    let read: @Sendable (Rows) throws -> Answer

    public init(_ sql: SQL, read: @escaping @Sendable (Rows) throws -> Answer) {
        self.sql = sql
        self.read = read
    }
}

extension Statement<Void> {
    /// A statement whose answer says nothing.
    public init(_ sql: SQL) { self.init(sql) { _ in } }
}

extension Transaction {
    /// Runs statements in one round trip, in their order, then reads their answers; none may depend on an earlier answer.
    ///
    /// - Returns: one answer for each.
    /// - Throws: ``PostgresError`` of the first statement that failed, its index in `statement`; what a reader throws.
    public mutating func run<each Answer>(_ statements: repeat Statement<each Answer>) throws -> (repeat each Answer) {
        var texts: [SQL] = []
        for statement in repeat each statements { texts.append(statement.sql) }
        var answers = try pipeline(texts).makeIterator()
        func next() throws(PostgresError) -> Rows {
            // The pipeline answers each statement or throws.
            guard let rows = answers.next() else { throw PostgresError(code: .binding, message: "no answer") }
            return rows
        }
        return (repeat try (each statements).read(next()))
    }

    /// Runs statements of one sort in one round trip.
    public mutating func run<Answer>(_ statements: [Statement<Answer>]) throws -> [Answer] {
        try zip(statements, pipeline(statements.map(\.sql))).map { statement, rows in try statement.read(rows) }
    }
}
