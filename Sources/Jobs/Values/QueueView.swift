/// A queue as the console and the metrics show it.
public struct QueueView: Sendable, Equatable {
    public var name: String
    public var isPaused: Bool
    /// Waiting to run, suspects and tombstones included.
    public var depth: Int
    /// How long the next one to run has waited.
    public var oldestAge: Duration
    public var running: Int
    /// Jobs finished a second, over the last minute.
    public var rate: Double
    public var suspects: Int
    public var delayed: Int
    public var dead: Int

    public init(
        name: String, isPaused: Bool, depth: Int, oldestAge: Duration, running: Int, rate: Double, suspects: Int,
        delayed: Int, dead: Int
    ) {
        self.name = name
        self.isPaused = isPaused
        self.depth = depth
        self.oldestAge = oldestAge
        self.running = running
        self.rate = rate
        self.suspects = suspects
        self.delayed = delayed
        self.dead = dead
    }
}

/// A count of a queue's jobs that must come out even: nothing is lost, nothing is there twice.
public struct Census: Sendable, Equatable {
    public var enqueued = 0
    public var succeeded = 0
    public var cancelled = 0
    public var discarded = 0
    public var waiting = 0
    public var delayed = 0
    public var inFlight = 0
    public var suspect = 0
    public var dead = 0
    /// Pushed by other programs and not claimed yet; outside the sum.
    public var foreign = 0

    public init() {}

    /// Ended for good, pruned or not.
    public var finished: Int { succeeded + cancelled + discarded }

    /// Jobs enqueued that are nowhere (positive) or somewhere twice (negative); 0 in a sound queue.
    public var difference: Int { enqueued - finished - waiting - delayed - inFlight - suspect - dead }
}

/// A running process, as it registers itself.
public struct WorkerInfo: Sendable, Equatable, Codable {
    /// Unique to this start of the process; sessions are named after it.
    public var process: String
    public var host: String
    public var pid: Int
    public var version: String
    /// Milliseconds since 1970.
    public var startedAt: Int
    /// Jobs in hand now.
    public var running: Int
    public var queues: [String]
    /// Of those running, how many ignore their cancellation; `nil` in what an older release says.
    public var stuck: Int?

    /// It claims no more for now.
    public var isQuiet: Bool

    private enum CodingKeys: String, CodingKey {
        case process, host, pid, version, startedAt, running, queues, stuck
        case isQuiet = "quiet"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        process = try fields.decode(String.self, forKey: .process)
        host = try fields.decode(String.self, forKey: .host)
        pid = try fields.decode(Int.self, forKey: .pid)
        version = try fields.decode(String.self, forKey: .version)
        startedAt = try fields.decode(Int.self, forKey: .startedAt)
        running = try fields.decode(Int.self, forKey: .running)
        queues = try fields.decode([String].self, forKey: .queues)
        stuck = try fields.decodeIfPresent(Int.self, forKey: .stuck)
        // An older release does not say it.
        isQuiet = try fields.decodeIfPresent(Bool.self, forKey: .isQuiet) ?? false
    }

    public init(
        process: String, host: String, pid: Int, version: String, startedAt: Int, running: Int = 0,
        queues: [String] = [], stuck: Int? = nil, isQuiet: Bool = false
    ) {
        self.process = process
        self.host = host
        self.pid = pid
        self.version = version
        self.startedAt = startedAt
        self.running = running
        self.queues = queues
        self.stuck = stuck
        self.isQuiet = isQuiet
    }
}
