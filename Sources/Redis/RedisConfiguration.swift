/// Where the server is and how long to wait for it.
public struct RedisConfiguration: Sendable {
    public enum Address: Sendable, Equatable {
        case tcp(host: String, port: Int)
        /// Path of a unix socket, at most 107 bytes.
        case unix(path: String)
    }

    public var address: Address
    /// User of an access control list; `nil` is Redis' user `default`.
    public var user: String?
    public var password: String?
    /// Number of the logical database, 0 or more. Default 0.
    public var database = 0
    /// For connecting and its greeting (AUTH, SELECT, CLIENT SETNAME) together. Default 5 s.
    public var connectTimeout: Duration = .seconds(5)
    /// Deadline of a command that names none, waiting included. Default 5 s.
    public var commandDeadline: Duration = .seconds(5)
    /// How long commands wait for a connection once there is none; after that all fail at once, until there is one again.
    /// `nil`: each until its own deadline. Default `nil`.
    public var patience: Duration?
    /// A connection from which no byte came for so long while replies are due is dropped as dead. Default 5 s.
    ///
    /// If the command whose reply comes next has a later deadline, that counts: it may be a blocking one.
    public var silenceLimit: Duration = .seconds(5)
    /// Operations (a pipeline is one) that may wait to be sent, at least 1. Default 10,000.
    public var inboxLimit = 10_000

    public init(address: Address) { self.address = address }
}
