import CRM
import JobsPostgres
import OwnerThread
import Postgres
import TestSupport
import Testing

@Suite("Migrations")
struct MigratorTests {
    private let all = (EngineMigrations.all + CRMMigrations.all).sorted { $0.number < $1.number }

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
                """
                SELECT split_part(relname, '_', 1) || ' ' || count(*) FROM pg_class
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY split_part(relname, '_', 1) ORDER BY 1
                """
            ).map { row in try row.text(0) }
            #expect(tables == ["booking 3", "crm 16", "rbac 7", "survey 7"])
            let before = try await fingerprint(pool)
            #expect(try await migrate(pool, all) == [])
            #expect(try await fingerprint(pool) == before)
            let departments = try await pool.query("SELECT title FROM crm_department ORDER BY code").map {
                try $0.text(0)
            }
            #expect(departments == ["市场部", "销售"])
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
            let applied = try await pool.query("SELECT count(*) FROM paidan.schema_migration")[0].int(0)
            #expect(applied == 2)
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
            let undone = try await pool.query("SELECT to_regclass('half') IS NULL")[0].bool(0)
            #expect(undone)
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

    @Test("the owner of the database, no superuser, can migrate; pages may be a role with rights on their tables only")
    func rights() async throws {
        try await empty { pool in
            let owner = "owner_\(UInt32.random(in: 0...UInt32.max))"
            let pages = "pages_\(UInt32.random(in: 0...UInt32.max))"
            let database = try await pool.query("SELECT current_database()")[0].text(0)
            for role in [owner, pages] { _ = try await pool.query("CREATE ROLE \(raw: role) LOGIN") }
            _ = try await pool.query("ALTER DATABASE \(raw: database) OWNER TO \(raw: owner)")
            let server = try await PrivateServers.postgres.value + " dbname=\(database) user="
            try await PostgresPool.with(server + owner) { pool in
                let lines = try await migrate(pool, all)
                #expect(lines.count == all.count)
                _ = try await pool.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO \(raw: pages)")
                _ = try await pool.query("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO \(raw: pages)")
            }
            try await PostgresPool.with(server + pages) { pool in
                let story = Story(pool: pool, conninfo: server + pages)
                let (a, b) = (try await story.seller(), try await story.seller("乙"))
                let customer = try await story.customer(of: a)
                _ = try await story.note(customer, by: a)
                try await story.page("UPDATE crm_customer SET consultant_id = NULL")
                #expect(try await sqlState { try await story.give(customer, to: a) } == refused)
                try await story.give(customer, to: b)
                try await story.page("UPDATE crm_customer SET consultant_id = \(b)::int")
                try await story.page("INSERT INTO crm_salerank (user_id, num, weight) VALUES (\(a)::int, 1, 1)")
                try await story.page("UPDATE crm_userinfo SET is_active = false WHERE id = \(a)::int")
                #expect(try await story.state(customer).hasPrefix("private \(b)"))
                let denied = try await sqlState { try await story.page("SELECT FROM paidan.outbox") }
                #expect(denied == "42501")
            }
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
