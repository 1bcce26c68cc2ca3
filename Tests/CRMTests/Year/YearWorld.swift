import Jobs
import JobsPostgres
import Logging
import OwnerThread
import Postgres
import TestSupport

@testable import CRM

/// A company over a database of its own: its service, its pages, its people and its calendar.
final class YearWorld: Sendable {
    let plan: YearPlan
    /// Of the service.
    let pool: PostgresPool
    /// Of the CRM's pages: autocommit, no word of who they are.
    let pages: PostgresPool
    let desk: OwnershipDesk
    let customers: CustomerStore
    let imports: ImportStore
    let ranks: AssignmentDesk
    let hooks: AssignmentHooks
    let list = MemorySellerList(faults: MemorySellerList.Faults(lose: 1, double: 1, shuffle: 1))
    private let jobs = Lock(0)
    private let counted = Lock<[String: Int]>([:])

    static let manager = 1

    private init(_ plan: YearPlan, _ pool: PostgresPool, _ pages: PostgresPool) {
        self.plan = plan
        self.pool = pool
        self.pages = pages
        let events = EventTable()
        desk = OwnershipDesk(pool: pool, settings: PoolSettings(picksPerDay: 40, coolOffDays: 0), publisher: events)
        customers = CustomerStore(pool: pool)
        let imports = ImportStore(pool: pool, settings: ImportSettings(), events: events)
        self.imports = imports
        ranks = AssignmentDesk(pool: pool, list: list)
        hooks = AssignmentEvents(publisher: events).hooks { importID, chunk, owners, tx in
            try imports.chunkAssigned(importID, chunk: chunk, assigned: owners.count, in: &tx)
        }
    }

    static func with(_ plan: YearPlan, _ body: (YearWorld) async throws -> Void) async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: plan.width + 1) { pool in
                try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
                try await PostgresPool.with(conninfo, sessions: plan.width) { pages in
                    let world = YearWorld(plan, pool, pages)
                    try await world.found()
                    try await body(world)
                }
            }
        }
    }

    /// A manager, and sellers with shares, some with caps.
    private func found() async throws {
        let sellers = plan.sellers
        try await service { tx in
            _ = try tx.query(
                """
                INSERT INTO crm_userinfo (id, name, username, depart_id)
                SELECT n, 'u' || n, 'u' || n, CASE WHEN n = \(Self.manager)::bigint THEN 1000 ELSE 1001 END
                FROM generate_series(1, \(sellers + 1)::int) n
                """)
            _ = try tx.query("SELECT setval(pg_get_serial_sequence('crm_userinfo', 'id'), \(sellers + 1)::bigint)")
        }
        let entries = (2...sellers + 1).map {
            RankEntry(
                userID: $0, num: $0 % 5, weight: $0 % 7, dailyCap: $0 % 4 == 0 ? 6 : nil,
                holdingCap: $0 % 3 == 0 ? 40 : nil)
        }
        _ = try await ranks.replaceRanks(entries, actor: "test")
    }

    func service<R: Sendable>(_ body: @escaping @Sendable (inout Transaction) throws -> R) async throws -> R {
        try await pool.transaction { tx in
            Author.set("test", in: &tx)
            return try body(&tx)
        }
    }

    /// Puts the clock of all writers to a moment of a day, Shanghai time.
    func clock(day: Int, _ time: String) async throws {
        let start = YearPlan.start
        _ = try await pool.query(
            """
            INSERT INTO paidan.setting (name, value)
            SELECT 'clock_offset',
                ((((\(start)::date + \(day)::int)::text || ' ' || \(time))::timestamp AT TIME ZONE 'Asia/Shanghai')
                    - pg_catalog.now())::text
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }

    func seller(_ user: Int) -> Caller {
        Caller(
            userID: Int64(user), name: "u\(user)", sellerID: Int64(user), codes: ["customer.grab"], menu: [], rules: [])
    }

    var boss: Caller {
        Caller(
            userID: Int64(Self.manager), name: "u1", sellerID: Int64(Self.manager),
            codes: ["customer.all", "customer.late"], menu: [], rules: [])
    }

    func newJobID() -> String {
        jobs.withLock {
            $0 += 1
            return "year-\($0)"
        }
    }

    func count(_ what: String) { counted.withLock { $0[what, default: 0] += 1 } }

    var counts: [String: Int] { counted.withLock { $0 } }

    var assignment: AssignmentJob {
        AssignmentJob(
            pool: pool, list: list, settings: { AssignmentSettings(strategy: .laps) }, hooks: hooks,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}
