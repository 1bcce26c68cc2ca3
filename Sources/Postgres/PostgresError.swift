/// What went wrong with a transaction, a query or the connection under it.
public struct PostgresError: Error, Sendable, Hashable {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String { case server, connection, timedOut, cancelled, full, closed, decoding, binding }
        private let value: Value
        private init(_ value: Value) { self.value = value }

        /// The server refused a statement; `sqlState` says why.
        public static let server = Self(.server)
        /// The connection was lost or could not be made.
        public static let connection = Self(.connection)
        /// The deadline passed.
        public static let timedOut = Self(.timedOut)
        /// The caller's task was cancelled.
        public static let cancelled = Self(.cancelled)
        /// As much work waits for a session as may wait; nothing ran.
        public static let full = Self(.full)
        /// The pool was closed; nothing ran.
        public static let closed = Self(.closed)
        /// A value of a row is not of the type asked for.
        public static let decoding = Self(.decoding)
        /// A value cannot be sent as it is (a zero byte in text, too many values); nothing was sent.
        public static let binding = Self(.binding)

        public var description: String { value.rawValue }
    }

    public let code: Code
    /// Five characters, as in appendix A of the PostgreSQL manual.
    public let sqlState: String?
    /// Name of the constraint that was violated.
    public let constraint: String?
    /// The server's primary message and hint, without quoted values; never its DETAIL or CONTEXT, which hold data.
    public let message: String
    /// True if the work may have happened (a commit without an answer); false if it certainly did not.
    public let mayHaveRun: Bool
    /// Which statement of a pipeline failed, counted from 0.
    public let statement: Int?

    public init(
        code: Code, sqlState: String? = nil, constraint: String? = nil, message: String, mayHaveRun: Bool = false,
        statement: Int? = nil
    ) {
        self.code = code
        self.sqlState = sqlState
        self.constraint = constraint
        self.message = message
        self.mayHaveRun = mayHaveRun
        self.statement = statement
    }

    /// True if the same work may well succeed later: the database is unreachable, starting or shutting down, read-only,
    /// out of resources, or somebody ended the session or its statement.
    public var isInfrastructure: Bool {
        if [.connection, .timedOut, .full, .closed].contains(code) { return true }
        guard let sqlState else { return false }
        return asksForRetry || Self.passing.contains { sqlState.hasPrefix($0) }
    }

    /// SQLSTATEs and classes: connection, read-only, idle in a transaction for too long, the transaction took too long,
    /// no resources, no lock, cancelled, shut down, system error.
    private static let passing = ["08", "25006", "25P03", "25P04", "53", "55P03", "57014", "57P", "58"]

    /// Serialization failure or deadlock: the server asks to run the transaction again.
    var asksForRetry: Bool { sqlState == "40001" || sqlState == "40P01" }

    func with(code: Code? = nil, mayHaveRun: Bool? = nil, statement: Int? = nil) -> Self {
        Self(
            code: code ?? self.code, sqlState: sqlState, constraint: constraint, message: message,
            mayHaveRun: mayHaveRun ?? self.mayHaveRun, statement: statement ?? self.statement)
    }

    /// As it looks to whoever did not give the first `count` statements of the pipeline.
    func withoutStatements(_ count: Int) -> Self {
        Self(
            code: code, sqlState: sqlState, constraint: constraint, message: message, mayHaveRun: mayHaveRun,
            statement: statement.flatMap { $0 < count ? nil : $0 - count })
    }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        var text = "postgres: \(message)"
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let statement { text += ", in statement \(statement) of a pipeline" }
        if mayHaveRun { text += "; it may have run" }
        return text
    }
}
