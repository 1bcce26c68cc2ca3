/// A setting out of bounds.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Its key in jobs.conf.
    public var field: String
    public var problem: String

    public init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }

    public var description: String { "\(field) \(problem)" }
}

/// Settings of ``WorkerPool``.
public struct WorkerConfiguration: Sendable {
    /// Jobs this process runs at the same time. 1 to 10,000. Default 64.
    public var concurrency = 64
    /// How long a claim lasts without a beat; it is beaten every third of it. 3 s to 5 min. Default 15 s.
    public var lease: Duration = .seconds(15)
    /// How long a stop waits for what is in hand. Default 25 s.
    public var drain: Duration = .seconds(25)
    /// Share of the free slots that each queue gets; the queues are worked in this process. Each weight 1 to 1,000.
    public var weights: [(queue: String, weight: Int)] = [("critical", 6), ("default", 3), ("bulk", 1)]
    /// How long a job waits after its run met infrastructure trouble. Default 3 s.
    public var snooze: Duration = .seconds(3)
    /// How long a handler may go on after its timeout or cancellation before it is reported as stuck. Default 10 s.
    public var stuckAfter: Duration = .seconds(10)
    /// Where jobs run that were in flight in two crashes. Default: alone in this process.
    public var suspects = SuspectPolicy.alone
    /// How this process shows up in the list of workers; its `process` names the sessions.
    public var worker: WorkerInfo

    public init(worker: WorkerInfo) { self.worker = worker }

    /// - Throws: ``ConfigurationError`` naming the first wrong field.
    public func validate() throws(ConfigurationError) {
        guard (1...10_000).contains(concurrency) else {
            throw ConfigurationError(field: "worker.concurrency", problem: "must be 1 to 10000, is \(concurrency)")
        }
        guard lease >= .seconds(3), lease <= .seconds(300) else {
            throw ConfigurationError(field: "worker.lease", problem: "must be 3s to 5m")
        }
        guard drain >= .zero else {
            throw ConfigurationError(field: "worker.drain", problem: "must not be negative")
        }
        for (queue, weight) in weights where !(1...1000).contains(weight) {
            throw ConfigurationError(field: "queues.\(queue).weight", problem: "must be 1 to 1000, is \(weight)")
        }
    }
}
