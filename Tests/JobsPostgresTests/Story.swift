import CRM
import JobsPostgres
import Postgres
import TestSupport

/// A migrated database of one test, written to as a page of the CRM does: autocommit, nobody says who he is.
struct Story: Sendable {
    let pool: PostgresPool
    let conninfo: String

    static func tell(_ body: @Sendable (Story) async throws -> Void) async throws {
        try await FreshDatabase.with(template: "crm", prepare: migrate) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 3) { pool in
                try await body(Story(pool: pool, conninfo: conninfo))
            }
        }
    }

    static let migrate: @Sendable (String) async throws -> Void = { conninfo in
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
        }
    }

    /// Shifts the clock of every writer to a time in Shanghai, that many days later.
    func at(_ time: String, days: Int = 0) async throws {
        try await page(
            """
            INSERT INTO paidan.setting (name, value)
            VALUES ('clock_offset', ((\(time)::timestamp + make_interval(days => \(days)::int))
                AT TIME ZONE 'Asia/Shanghai' - pg_catalog.now())::text)
            ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
            """)
    }

    @discardableResult func page(_ sql: SQL) async throws -> Rows { try await pool.query(sql) }

    /// What the service writes: one transaction that says so.
    @discardableResult func service(_ statements: SQL...) async throws -> Rows? { try await service(statements) }

    @discardableResult func service(_ statements: [SQL]) async throws -> Rows? {
        try await pool.transaction { tx in
            _ = try tx.query("SELECT set_config('paidan.writer', 'service', true)")
            var rows: Rows?
            for statement in statements { rows = try tx.query(statement) }
            return rows
        }
    }

    func number(_ sql: SQL) async throws -> Int { try await page(sql)[0].int(0) }

    func text(_ sql: SQL) async throws -> String? { try await page(sql).first?.optionalText(0) }

    func seller(_ name: String = "甲") async throws -> Int {
        try await number(
            "INSERT INTO crm_userinfo (name, username, depart_id) VALUES (\(name), \(name), 1001) RETURNING id")
    }

    /// Customer first, distribution after, as the CRM's pages do.
    func customer(of seller: Int?) async throws -> Int {
        let id = try await number(
            """
            INSERT INTO crm_customer (qq, name, consultant_id) VALUES (gen_random_uuid()::text, '客户', \(seller)::int)
            RETURNING id
            """)
        if let seller { try await give(id, to: seller) }
        return id
    }

    func give(_ customer: Int, to seller: Int) async throws {
        try await page(
            """
            INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status)
            VALUES (\(seller)::int, \(customer)::int, paidan.today(), 1)
            """)
    }

    func note(_ customer: Int, by seller: Int, _ note: String = "聊过", on date: String = "2000-01-01") async throws
        -> Int
    {
        // RETURNING, as Django's save() does: a swallowed insert would give no row.
        try await number(
            """
            INSERT INTO crm_consultrecord (customer_id, consultant_id, date, note)
            VALUES (\(customer)::int, \(seller)::int, \(date)::date, \(note)) RETURNING id
            """)
    }

    /// `private 1 recv last pool_since`, then `user:status:ended_on` of each distribution; `-` is NULL.
    func state(_ customer: Int) async throws -> String {
        try await text(
            """
            SELECT concat_ws(' ', pool_state, coalesce(consultant_id::text, '-'), coalesce(recv_date::text, '-'),
                last_consult_date, coalesce(pool_since::text, '-'), '|', (
                    SELECT string_agg(user_id || ':' || status || ':' || coalesce(ended_on::text, '-'), ' ' ORDER BY id)
                    FROM crm_customerdistribution WHERE customer_id = c.id))
            FROM crm_customer c WHERE id = \(customer)::int
            """) ?? "gone"
    }

    func broken() async throws -> [String] { try await pool.transaction { try Invariants.violations(in: &$0) } }
}

/// The service's own refusals have this SQLSTATE.
let refused = "23PD1"

/// SQLSTATE of the error that `body` throws, nil if it throws none.
func sqlState(_ body: () async throws -> Void) async throws -> String? {
    do {
        try await body()
        return nil
    } catch let error as PostgresError { return error.sqlState }
}
