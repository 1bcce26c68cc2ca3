import Jobs
import JobsPostgres
import Logging
import OwnerThread
import Postgres
import TestSupport

@testable import CRM

/// A migrated database of one test with what the assignment needs around it.
final class AssignmentLab: Sendable {
    /// Of the test itself.
    let pool: PostgresPool
    /// Of the workers under test; their sessions are called `worker` and may be killed.
    let workers: PostgresPool
    let list: MemorySellerList
    let desk: AssignmentDesk
    private let strategy = Lock(AssignmentStrategy.laps)
    private let jobs = Lock(0)
    private let groups = AssignmentGroups()
    let told = Lock<[NewOwner]>([])
    let chunks = Lock<[[Int]]>([])
    let alarms = Lock<[[Int]]>([])
    /// Called in each transaction after its last write; what it throws rolls back.
    let beforeCommit = Lock<(@Sendable () throws -> Void)?>(nil)

    private init(_ pool: PostgresPool, workers: PostgresPool) {
        self.pool = pool
        self.workers = workers
        list = MemorySellerList()
        desk = AssignmentDesk(pool: pool, list: list)
    }

    static func with(
        sessions: Int = 2, _ body: (AssignmentLab) async throws -> Void
    ) async throws {
        try await FreshDatabase.with(template: "assignment", prepare: migrate) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 2) { pool in
                var configuration = PostgresConfiguration(conninfo: conninfo)
                configuration.sessions = sessions
                configuration.applicationName = "worker"
                let workers = PostgresPool(configuration)
                defer { workers.close() }
                try await body(AssignmentLab(pool, workers: workers))
            }
        }
    }

    static func migrate(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            _ = try await pool.query("CREATE SEQUENCE paidan.test_qq")
        }
    }

    var hooks: AssignmentHooks {
        var hooks = AssignmentHooks()
        hooks.assigned = { [told, beforeCommit] owners, _ in
            told.withLock { $0 += owners }
            try beforeCommit.withLock { $0 }?()
        }
        hooks.chunkAssigned = { [chunks, beforeCommit] id, chunk, owners, _ in
            chunks.withLock { $0.append([id, chunk, owners.count]) }
            try beforeCommit.withLock { $0 }?()
        }
        hooks.noCapacity = { [alarms] waiting, since, _ in alarms.withLock { $0.append([waiting, since]) } }
        return hooks
    }

    var job: AssignmentJob {
        AssignmentJob(
            pool: workers, list: list,
            settings: { [strategy] in AssignmentSettings(strategy: strategy.withLock { $0 }) }, hooks: hooks,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    var offboard: OffboardJob { OffboardJob(pool: pool, list: list, hooks: hooks) }

    func use(_ strategy: AssignmentStrategy) { self.strategy.withLock { $0 = strategy } }

    func newJobID() -> String {
        jobs.withLock {
            $0 += 1
            return "job-\($0)"
        }
    }

    /// Runs one job for these customers, as the worker does.
    @discardableResult
    func assign(customers: [Int], job id: String? = nil) async throws -> Outcome {
        let task = AssignmentTask(job: id ?? newJobID(), arguments: AssignmentArguments(customers: customers))
        return try await job.run([task])[0]
    }

    /// Runs jobs in the transactions of whoever runs some at the same time, as the worker does with all it has in hand.
    func assignTogether(_ tasks: [AssignmentTask]) async throws -> [Outcome] {
        let job = job
        return try await groups.run(tasks) { try await job.run($0, isDecided: $1) }
    }

    // MARK: Rows

    func addSellers(_ users: [Int]) async throws {
        try await service { tx in
            _ = try tx.query(
                """
                INSERT INTO crm_userinfo (id, name, username, depart_id)
                SELECT id, 'u' || id, 'u' || id, 1001 FROM unnest(\(users)::bigint[]) id ON CONFLICT DO NOTHING
                """)
        }
    }

    /// - Returns: ids in order.
    func addCustomers(_ count: Int, importID: Int? = nil) async throws -> [Int] {
        try await service { tx in
            try tx.query(
                """
                INSERT INTO crm_customer (qq, name, import_id)
                SELECT 'q' || nextval('paidan.test_qq'), 'n', \(importID)::bigint FROM generate_series(1, \(count)::int)
                RETURNING id
                """
            ).map { try $0.int(0) }
        }
    }

    /// These sellers had these customers before and lost them.
    func bar(_ users: [Int], from customer: Int) async throws {
        try await service { tx in
            _ = try tx.query(
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, status, origin, ended_on)
                SELECT user_id, \(customer)::bigint, 3, 'crm', paidan.today() FROM unnest(\(users)::bigint[]) user_id
                """)
        }
    }

    func service<R: Sendable>(_ body: @escaping @Sendable (inout Transaction) throws -> R) async throws -> R {
        try await pool.transaction { tx in
            Author.set("test", in: &tx)
            return try body(&tx)
        }
    }

    func ints(_ sql: SQL) async throws -> [Int] { try await pool.query(sql).map { try $0.int(0) } }

    func consultants(of customers: [Int]) async throws -> [Int?] {
        let rows = try await pool.query(
            "SELECT id, consultant_id FROM crm_customer WHERE id = ANY(\(customers)::bigint[])")
        var users: [Int: Int] = [:]
        for row in rows { users[try row.int(0)] = try row.optionalInt(1) }
        return customers.map { users[$0] }
    }
}

extension AssignmentLab: SequenceWorld {
    func set(_ shares: [CycleShare], _ strategy: AssignmentStrategy) async throws {
        use(strategy)
        try await addSellers(shares.map(\.user))
        let entries = shares.map { RankEntry(userID: $0.user, num: $0.num, weight: $0.weight) }
        let problems = try await desk.replaceRanks(entries, actor: "test")
        if let problem = problems.first { throw problem }
    }

    func setDailyCap(_ user: Int, _ cap: Int) async throws {
        let entries = try await desk.ranks().map { entry in
            RankEntry(
                userID: entry.userID, num: entry.num, weight: entry.weight,
                dailyCap: entry.userID == user ? cap : entry.dailyCap, holdingCap: entry.holdingCap)
        }
        if let problem = try await desk.replaceRanks(entries, actor: "test").first { throw problem }
    }

    func deactivate(_ user: Int) async throws {
        _ = try await pool.query("UPDATE crm_userinfo SET is_active = false WHERE id = \(user)::bigint")
        _ = try await offboard.run(job: newJobID(), user: user)
    }

    func assign(_ count: Int) async throws -> [Int?] {
        let customers = try await addCustomers(count)
        for customer in customers { try await assign(customers: [customer]) }
        return try await consultants(of: customers)
    }

    func enterDuplicate() async throws {
        // The row's QQ is there already: no customer is entered. A job for one that has a seller is a no-op.
        let taken = try await ints("SELECT id FROM crm_customer WHERE consultant_id IS NOT NULL LIMIT 1")
        try await assign(customers: taken)
    }

    func dieHoldingASlot() async throws { _ = try await list.pop(1) }

    func states(ofCycle cycle: Int) async throws -> [String] {
        try await pool.query(
            "SELECT coalesce(reason, state) FROM paidan.assign_slot WHERE cycle_no = \(cycle)::bigint ORDER BY pos"
        ).map { try $0.text(0) }
    }
}
