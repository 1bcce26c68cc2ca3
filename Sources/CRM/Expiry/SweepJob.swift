public import Jobs
public import Postgres

/// `pool.sweep {as_of?, dry_run?}`: customers whose last day is over become public, as of the day on which they were due.
///
/// Any number may run at once, at any time, or never: who writes to a customer lets it expire first.
public struct SweepJob: Sendable {
    public static let kind = "pool.sweep"
    /// Customers of one transaction.
    static let batch = 500
    /// Customers looked for at a time.
    static let most = 200_000
    /// A million customers are found or told of in some seconds.
    static let patience = Duration.seconds(600)

    private let pool: PostgresPool
    private let events: ExpiryEvents
    private let batch: Int
    private let most: Int
    /// Called after each batch, for tests.
    private let afterBatch: @Sendable () async throws -> Void

    public init(pool: PostgresPool, publisher: any EventPublisher) {
        self.init(pool: pool, publisher: publisher, afterBatch: {})
    }

    init(
        pool: PostgresPool, publisher: any EventPublisher, batch: Int = Self.batch, most: Int = Self.most,
        afterBatch: @escaping @Sendable () async throws -> Void
    ) {
        self.pool = pool
        events = ExpiryEvents(publisher: publisher)
        self.batch = batch
        self.most = most
        self.afterBatch = afterBatch
    }

    /// What the worker runs.
    public var kind: Kind {
        Kind.single(
            Self.kind, queue: "bulk", timeout: .seconds(3600), hasEffect: true, arguments: SweepArguments.self
        ) { claim, arguments, context in
            try await run(job: claim.id, arguments, context)
        }
    }

    func run(job: String, _ arguments: SweepArguments, _ context: JobContext) async throws -> Outcome {
        if arguments.isDryRun {
            let forecast = try await ForecastStore(pool: pool).counts(asOf: arguments.asOf)
            return .done(result: forecast.counts.json(asOf: forecast.asOf))
        }
        switch try await pool.transaction({ try SweepStore.begin(job, arguments.asOf, in: &$0) }) {
        case .future(let today):
            return .dead(
                code: "future_as_of",
                message: "as_of \(arguments.asOf ?? "") is after today, \(today); only a dry run looks ahead")
        case .ended(let counts, let asOf): return .done(result: counts.json(asOf: asOf))
        case .going(let day):
            try await sweep(day, job, context)
            let events = events
            let counts = try await pool.transaction(deadline: Self.patience) { tx in
                try SweepStore.finish(job, day, events, in: &tx)
            }
            return .done(result: counts?.json(asOf: day.asOf))
        }
    }

    /// Until nothing is overdue: first past what others have locked, in the end waiting for it.
    private func sweep(_ day: ExpiryDay, _ job: String, _ context: JobContext) async throws {
        var waits = false
        var done = 0
        while true {
            let most = most
            let customers = try await pool.transaction(deadline: Self.patience) { tx in
                try SweepStore.candidates(day, limit: most, in: &tx)
            }
            if customers.isEmpty { return }
            var expired = 0
            for start in stride(from: 0, to: customers.count, by: batch) {
                try Task.checkCancellation()
                let some = Array(customers[start..<min(start + batch, customers.count)])
                let waiting = waits
                expired += try await pool.transaction { tx in
                    try SweepStore.expire(some, day, waits: waiting, job: job, in: &tx).total
                }
                context.progress(done: done + expired, total: done + customers.count)
                await context.checkpointed()
                try await afterBatch()
            }
            done += expired
            // Each that was waited for is judged now: what is left was not due after all.
            if waits, expired == 0 || customers.count < most { return }
            waits = expired < customers.count
        }
    }
}
