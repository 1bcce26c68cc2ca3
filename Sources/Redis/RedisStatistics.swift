/// Figures of one client; counters grow from its start.
public struct RedisStatistics: Sendable, Equatable {
    /// Operations that wait to be sent now.
    public var depth = 0
    /// Operations sent whose replies are due now, abandoned ones included.
    public var inFlight = 0
    /// True between a finished greeting and the loss of the connection.
    public var connected = false
    /// Connections made after the first.
    public var reconnects = 0
    /// Connections that could not be made or were lost.
    public var connectionErrors = 0
    /// Error replies.
    public var errors = 0
    /// Operations that met their deadline.
    public var timeouts = 0
    /// Operations refused because `inboxLimit` waited already.
    public var refused = 0
}
