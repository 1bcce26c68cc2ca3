import CRM
import JobsPostgres
import OwnerThread
import Postgres
import TestSupport
import Testing

@Suite("Migrations")
struct MigratorTests {
    private let all = EngineMigrations.all + CRMMigrations.all

    private func empty(_ body: (PostgresPool) async throws -> Void) async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo) { pool in try await body(pool) }
        }
    }

    private func migrate(_ pool: PostgresPool, _ migrations: [Migration]) async throws -> [String] {
        let lines = Lock<[String]>([])
        try await Migrator(pool: pool, migrations: migrations).migrate { line in lines.withLock { $0.append(line) } }
        return lines.withLock { $0 }
    }

    @Test("an empty database gets every table; a second time changes nothing")
    func twice() async throws {
        try await empty { pool in
            let migrator = Migrator(pool: pool, migrations: all)
            #expect(try await migrator.status().map(\.state) == all.map { _ in .pending })
            #expect(try await migrate(pool, all) == all.map { "\($0.name): applied" })
            #expect(try await migrator.status().map(\.state) == all.map { _ in .applied })
            let tables = try await pool.query(
                "SELECT split_part(relname, '_', 1), count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^(rbac|crm|survey|booking)_' GROUP BY 1 ORDER BY 1"
            )
            // booking_reminder is ours, in another schema.
            #expect(try tables.map { "\(try $0.text(0)) \(try $0.int(1))" } == ["booking 4", "crm 16", "rbac 7", "survey 7"])
            let before = try await fingerprint(pool)
            #expect(try await migrate(pool, all) == [])
            #expect(try await fingerprint(pool) == before)
            #expect(try await pool.query("SELECT title FROM crm_department ORDER BY code").map { try $0.text(0) } == ["市场部", "销售"])
        }
    }

    private func fingerprint(_ pool: PostgresPool) async throws -> String {
        try await pool.query(
            """
            SELECT concat_ws(' ', (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute),
                (SELECT count(*) FROM paidan.audit_log), (SELECT count(*) FROM rbac_role_permissions),
                (SELECT string_agg(title, ',' ORDER BY id) FROM rbac_role))
            """)[0].text(0)
    }

    @Test("a file changed after it was applied is an error that names it, and nothing is applied")
    func changed() async throws {
        try await empty { pool in
            _ = try await migrate(pool, Array(all.prefix(2)))
            var changed = all
            changed[1] = Migration(number: 2, name: changed[1].name, sql: changed[1].sql + "\n-- new")
            await #expect {
                try await self.migrate(pool, changed)
            } throws: { error in
                (error as? MigrationError)?.migration == "m002_jobs"
            }
            #expect(try await pool.query("SELECT count(*) FROM paidan.schema_migration")[0].int(0) == 2)
            #expect(
                try await Migrator(pool: pool, migrations: changed).status().prefix(3).map(\.state)
                    == [.applied, .changed, .pending])
        }
    }

    @Test("one that fails is undone, the ones before it stay, and what a newer program applied is told")
    func failed() async throws {
        try await empty { pool in
            let bad = Migration(number: 2, name: "m002_bad", sql: "CREATE TABLE half (); SELECT 1 / 0;")
            await #expect {
                try await self.migrate(pool, [all[0], bad])
            } throws: { error in
                "\(error)".contains("m002_bad failed and was undone")
            }
            #expect(try await pool.query("SELECT to_regclass('half') IS NULL")[0].bool(0))
            _ = try await migrate(pool, Array(all.prefix(2)))
            #expect(
                try await migrate(pool, [all[0]]) == ["m002_jobs: applied by a newer version of this program"])
        }
    }

    @Test("two migrators at once apply each file once")
    func twoAtOnce() async throws {
        try await empty { pool in
            let lines = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<2 { group.addTask { try await self.migrate(pool, self.all) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(lines.sorted() == all.map { "\($0.name): applied" })
        }
    }

    @Test("the shipped roles may call what they should")
    func roles() async throws {
        try await Story.tell { story in
            let codes = { @Sendable (role: String) in
                try await story.text(
                    """
                    SELECT string_agg(p.code, ' ' ORDER BY p.code) FROM rbac_role r
                    JOIN rbac_role_permissions l ON l.role_id = r.id JOIN rbac_permission p ON p.id = l.permission_id
                    WHERE r.title = \(role)
                    """) ?? ""
            }
            #expect(try await codes("调度") == "job.read sweep.run")
            let seller = try await codes("销售")
            for code in ["customer.grab", "customer.follow", "pool.read"] { #expect(seller.contains(code)) }
            for code in ["customer.all", "import", "rank", "sweep", "access"] { #expect(!seller.contains(code)) }
            let manager = try await codes("运营")
            for code in ["customer.all", "import.create", "rank.edit", "sweep.run", "customer.move"] {
                #expect(manager.contains(code))
            }
            #expect(!manager.contains("access.edit"))
            #expect(try await codes("销售总监") == manager)
            #expect(
                try await codes("管理员")
                    == story.text("SELECT string_agg(code, ' ' ORDER BY code) FROM rbac_permission"))
        }
    }
}
