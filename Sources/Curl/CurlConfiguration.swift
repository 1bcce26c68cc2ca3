/// Bounds of one ``CurlClient``.
public struct CurlConfiguration: Sendable {
    /// Requests that may wait or run at the same time; more are refused. At least 1. Default 10 000.
    public var inboxLimit = 10_000
    /// HTTP requests that run at the same time; others wait, as mails always do. At least 1. Default 64.
    public var transfers = 64
    /// Connections to one host at the same time. At least 1. Default 8.
    public var connectionsPerHost = 8
    /// An unused connection is closed after this time. At least 1 s. Default 60 s.
    public var idle: Duration = .seconds(60)
    /// Mails to one server and user before its connection is closed. At least 1. Default 50.
    public var mailsPerConnection = 50

    public init() {}
}

/// What a ``CurlClient`` has done so far, for metrics.
public struct CurlStatistics: Sendable, Equatable {
    /// Requests waiting or running now.
    public var depth = 0
    /// Requests running now.
    public var running = 0
    /// Requests that ended with an answer of the server.
    public var answered = 0
    /// Requests that ended with an error.
    public var failed = 0
    /// Connections opened.
    public var connections = 0

    static func + (a: CurlStatistics, b: CurlStatistics) -> CurlStatistics {
        CurlStatistics(
            depth: a.depth + b.depth, running: a.running + b.running, answered: a.answered + b.answered,
            failed: a.failed + b.failed, connections: a.connections + b.connections)
    }
}
