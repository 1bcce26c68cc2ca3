/// How a pool reaches its database and how long it waits.
public struct PostgresConfiguration: Sendable {
    /// libpq connection string or `postgresql://` URL. May hold a password, so it is never logged.
    ///
    /// To a host other than this machine `sslmode` is `verify-full` unless the string says otherwise.
    public var conninfo: String
    /// Connections, each with a thread of its own; made when first needed. At least 1. Default 4.
    public var sessions = 4
    /// Name shown in `pg_stat_activity`, unless `conninfo` has one.
    public var applicationName = "paidan"
    /// Time zone of the sessions. Default UTC.
    public var timeZone = "UTC"
    /// Time to connect before the next attempt; whole seconds, at least 2. Default 5 s.
    public var connectTimeout: Duration = .seconds(5)
    /// Time one transaction or query may take, waiting for a session included. Default 30 s.
    public var deadline: Duration = .seconds(30)
    /// Time work waits while no connection can be made; `nil`: until its deadline. Default `nil`.
    public var patience: Duration?
    /// How long the server leaves a transaction open whose process says nothing: one that is frozen, or whose machine is
    /// gone, would else keep its locks and stop all others. Whole milliseconds, at least 1. Default 15 s.
    public var silence: Duration = .seconds(15)
    /// Transactions and queries that may wait for a session. At least 1. Default 10 000.
    public var inboxLimit = 10_000
    /// Statements kept prepared in each session. At least 4. Default 500.
    public var preparedLimit = 500

    public init(conninfo: String) { self.conninfo = conninfo }

    /// Connects once and closes the connection again; blocks up to `connectTimeout`.
    ///
    /// - Throws: ``PostgresError`` with code `connection`, saying why.
    public func tryToConnect() throws(PostgresError) {
        var connection = Connection(gate: CancelGate(), preparedLimit: preparedLimit)
        try connection.open(self)
    }
}
