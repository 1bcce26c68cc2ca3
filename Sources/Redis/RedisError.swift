/// Why a command has no reply, and whether it may have run.
public struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: Sendable { case timedOut, closed, connect, server, full, cancelled }
        private let value: Value
        /// No reply within the command's deadline.
        public static let timedOut = Self(value: .timedOut)
        /// The client was closed.
        public static let closed = Self(value: .closed)
        /// There is no connection, or it was lost.
        public static let connect = Self(value: .connect)
        /// Redis answered with an error.
        public static let server = Self(value: .server)
        /// Too many commands wait already.
        public static let full = Self(value: .full)
        /// The calling task was cancelled.
        public static let cancelled = Self(value: .cancelled)
        public var description: String { "\(value)" }
    }

    public let code: Code
    /// What happened; never a command's arguments.
    public let message: String
    /// First word of a server error ("NOSCRIPT", "READONLY", "ERR"), else `nil`.
    public let prefix: String?
    /// False if the command certainly did not run: to send it again is safe.
    public let mayHaveRun: Bool

    /// True if the same command may well succeed later: the server is away, slow, full, starting, or not the master.
    public var isInfrastructure: Bool { code != .server || prefix.map(Self.passing.contains) == true }

    private static let passing: Set = [
        "READONLY", "NOREPLICAS", "LOADING", "MASTERDOWN", "UNBLOCKED", "OOM", "BUSY", "MISCONF", "CLUSTERDOWN",
        "TRYAGAIN", "NOAUTH", "WRONGPASS", "NOPERM",
    ]

    init(_ code: Code, _ message: String, prefix: String? = nil, mayHaveRun: Bool) {
        self.code = code
        self.message = message
        self.prefix = prefix
        self.mayHaveRun = mayHaveRun
    }

    public var description: String {
        "Redis: \(message) (\(code), the command \(mayHaveRun ? "may have run" : "did not run"))"
    }

    /// An error reply. Redis refuses a command before it changes anything, but a script can fail half way.
    init(serverReply text: String) {
        let prefix = text.prefix { $0 != " " }
        let failedInScript = ["user_script", "user_function", "running script"].contains { text.contains($0) }
        self.init(
            .server, Self.withoutArguments(text), prefix: String(prefix), mayHaveRun: failedInScript)
    }

    /// "ERR unknown command" repeats the command's arguments; they may be personal.
    static func withoutArguments(_ text: String) -> String {
        for marker in [", with args beginning with", " command '"] {
            if let range = text.firstRange(of: marker), text.hasPrefix("ERR unknown") {
                return String(text[..<range.lowerBound].prefix(200))
            }
        }
        return String(text.prefix(200))
    }
}
