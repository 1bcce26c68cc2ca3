public import Jobs
internal import JobsPostgres
public import Logging
public import Postgres

/// `customer.assign`: gives pending customers to sellers, many jobs in one transaction.
///
/// Redis hands out slots, PostgreSQL decides: a job that runs twice, a token that comes twice and a crash at any line
/// change nothing, because a customer must be pending and a slot free.
public struct AssignmentJob: Sendable {
    public static let kind = "customer.assign"
    /// Most customers in one transaction, so that one with a single customer does not wait long for the lock.
    /// A job with more is a transaction of its own.
    static let customersAtOnce = 5000
    /// Tokens asked for again when those at hand were spent slots; afterwards free slots are taken by position.
    static let rounds = 4

    private let pool: PostgresPool
    private let list: any SellerList
    private let settings: @Sendable () -> AssignmentSettings
    private let hooks: AssignmentHooks
    private let logger: Logger
    private let groups = AssignmentGroups()

    /// - Parameter settings: read at the start of each transaction, so that a reload of the configuration counts.
    public init(
        pool: PostgresPool, list: any SellerList, settings: @escaping @Sendable () -> AssignmentSettings,
        hooks: AssignmentHooks, logger: Logger
    ) {
        self.pool = pool
        self.list = list
        self.settings = settings
        self.hooks = hooks
        self.logger = logger
    }

    /// What the worker runs.
    public var kind: Kind {
        Kind.batch(Self.kind, size: AssignmentGroups.enough, queue: "critical", hasEffect: true) {
            (claims: [(claim: Claim, arguments: AssignmentArguments)], _) in
            let tasks = claims.map { AssignmentTask(job: $0.claim.id, arguments: $0.arguments) }
            return try await groups.run(tasks) { try await run($0, isDecided: $1) }
        }
    }

    /// - Parameter isDecided: called once nothing that is still to come bears on the next transaction.
    func run(
        _ tasks: [AssignmentTask], isDecided: @escaping @Sendable () -> Void = {}
    ) async throws -> [Outcome] {
        var outcomes: [Outcome] = []
        var rest = tasks[...]
        while !rest.isEmpty {
            var customers = 0
            let group = rest.prefix { task in
                defer { customers += task.arguments.customers.count }
                return customers == 0 || customers + task.arguments.customers.count <= Self.customersAtOnce
            }
            rest = rest.dropFirst(group.count)
            let isLast = rest.isEmpty
            outcomes += try await runGroup(Array(group)) { if isLast { isDecided() } }
        }
        return outcomes
    }

    /// One bad job must not fail its company: after an error that is not the store's, each runs alone.
    private func runGroup(
        _ tasks: [AssignmentTask], _ isDecided: @escaping @Sendable () -> Void
    ) async throws -> [Outcome] {
        do {
            return try await assign(tasks, isDecided: isDecided).map { .done(result: $0.json) }
        } catch let error where tasks.count > 1 && !Self.concernsAll(error) {
            logger.warning(
                "assignment failed, its jobs run one by one",
                metadata: ["jobs": "\(tasks.count)", "error": "\(error)"])
            var outcomes: [Outcome] = []
            for task in tasks { outcomes += try await runGroup([task], {}) }
            return outcomes
        } catch let error where !Self.concernsAll(error) {
            return [.retry(after: nil, code: "assign_failed", message: "\(error)")]
        }
    }

    private static func concernsAll(_ error: any Error) -> Bool {
        error is CancellationError || (error as? PostgresError)?.isInfrastructure == true
            || (error as? PostgresError)?.code == .cancelled
    }

    /// One transaction, and what the list is told before and after it.
    func assign(
        _ tasks: [AssignmentTask], isDecided: @escaping @Sendable () -> Void = {}
    ) async throws -> [AssignmentTaskResult] {
        let customers = tasks.reduce(0) { $0 + $1.arguments.customers.count }
        var tokens: [SlotToken] = []
        var missing = customers
        var ranOut = customers == 0
        for round in 1... {
            if !ranOut {
                // Spent tokens come in rows, so each round asks for more than is missing.
                let wanted = round == 1 ? missing : missing + (1 << (round * 2))
                let popped = await pop(wanted)
                tokens += popped
                ranOut = popped.count < wanted || round >= Self.rounds
            }
            let work = AssignmentTransaction(
                tasks: tasks, tokens: tokens, listRanOut: ranOut, settings: settings(), hooks: hooks)
            switch try await commit(work, isDecided) {
            case .moreTokens(let count): missing = count
            case .done(let results, let load, let unused):
                await tell(load, unused)
                return results
            }
        }
        return []
    }

    private func commit(
        _ work: AssignmentTransaction, _ isDecided: @escaping @Sendable () -> Void
    ) async throws -> AssignmentTransaction.End {
        do {
            return try await pool.transaction { tx in
                let end = try work.run(in: &tx)
                // Thrown, so that the receipts are rolled back with the rest.
                if case .moreTokens(let count) = end { throw MoreTokens(count: count) }
                // The list is right as it is. The next waits for the commit at the lock, with the slots that follow.
                if case .done(_, load: nil, let unused) = end, unused.isEmpty { isDecided() }
                return end
            }
        } catch let more as MoreTokens {
            return .moreTokens(more.count)
        } catch {
            // A commit whose end is unknown may have used them: what it did not is found when the list runs out.
            if (error as? PostgresError)?.mayHaveRun != true { await tell(nil, work.tokens) }
            throw error
        }
    }

    private struct MoreTokens: Error { let count: Int }

    /// A list that cannot be asked counts as empty: the slots are in PostgreSQL.
    private func pop(_ count: Int) async -> [SlotToken] {
        do {
            return try await list.pop(count)
        } catch {
            logger.warning(
                "seller list: no answer, slots are taken from PostgreSQL",
                metadata: ["trouble": "redis", "error": "\(error)"])
            return []
        }
    }

    /// Best effort: what the list does not hear of is found when it runs out.
    private func tell(_ load: CycleLoad?, _ unused: [SlotToken]) async {
        do {
            if let load {
                try await list.load(load)
            } else if !unused.isEmpty {
                try await list.giveBack(unused)
            }
        } catch {
            logger.warning(
                "seller list: not told, refilled when it runs out", metadata: ["trouble": "redis", "error": "\(error)"])
        }
    }
}
