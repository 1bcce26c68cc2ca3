/// Why the queue did not answer.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: Sendable {
            case unavailable, sessionLost, outOfMemory, notReplicated, refused, cancelled
        }
        private let value: Value
        /// The store is away or too slow.
        public static let unavailable = Self(value: .unavailable)
        /// The session is gone, or the connection it belongs to: open a new one, naming this one.
        public static let sessionLost = Self(value: .sessionLost)
        /// The store is full and takes in no new jobs.
        public static let outOfMemory = Self(value: .outOfMemory)
        /// Done, but too few replicas have it: a repeat is the same job.
        public static let notReplicated = Self(value: .notReplicated)
        /// The store does not accept this request; a repeat would not help.
        public static let refused = Self(value: .refused)
        public static let cancelled = Self(value: .cancelled)
        public var description: String { "\(value)" }
    }

    public let code: Code
    /// What happened and what to do; no arguments of jobs.
    public let message: String
    /// False if nothing was changed for certain: to ask again is safe.
    public let mayHaveRun: Bool

    public init(_ code: Code, _ message: String, mayHaveRun: Bool) {
        self.code = code
        self.message = message
        self.mayHaveRun = mayHaveRun
    }

    /// True if it is the store's trouble and passes: a job that met it has not failed.
    public var isInfrastructure: Bool { code != .refused }

    public var description: String { "job store: \(message) (\(code))" }
}
