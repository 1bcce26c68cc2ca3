public import Jobs
internal import JobsPostgres
public import Postgres

/// `pool.remind {as_of?, days_ahead?, escalate?}`: tells owners which customers have their last day today, or managers
/// which of those nobody has followed up yet.
///
/// Each is told of once: a second run on the day tells only of what has come to be due since.
public struct RemindJob: Sendable {
    public static let kind = "pool.remind"

    private let pool: PostgresPool
    private let publisher: any EventPublisher

    public init(pool: PostgresPool, publisher: any EventPublisher) {
        self.pool = pool
        self.publisher = publisher
    }

    /// What the worker runs.
    public var kind: Kind {
        Kind.single(
            Self.kind, timeout: .seconds(900), hasEffect: true, arguments: RemindArguments.self
        ) { claim, arguments, _ in
            try await run(job: claim.id, arguments)
        }
    }

    func run(job: String, _ arguments: RemindArguments) async throws -> Outcome {
        let publisher = publisher
        return try await pool.transaction(deadline: SweepJob.patience) { tx in
            Author.set("job:\(job)", in: &tx)
            let today = try tx.query("SELECT paidan.today()")[0].text(0)
            if let asOf = arguments.asOf, asOf > today {
                return .dead(code: "future_as_of", message: "as_of \(asOf) is after today, \(today)")
            }
            guard try Receipts.take(job, kind: Self.kind, in: &tx) else { return .done() }
            // What was due on an earlier day is lost by now.
            let isOver = arguments.asOf.map { $0 < today } ?? false
            let events =
                isOver
                ? []
                : arguments.escalates
                    ? try RemindStore.escalation(in: &tx)
                    : try RemindStore.digests(daysAhead: arguments.daysAhead, in: &tx)
            try publisher.publish(events.map(\.event), in: &tx)
            let count = events.reduce(0) { $0 + $1.customers }
            let result = "{\"as_of\":\"\(arguments.asOf ?? today)\",\"digests\":\(events.count),\"customers\":\(count)}"
            return .done(result: Array(result.utf8))
        }
    }
}
