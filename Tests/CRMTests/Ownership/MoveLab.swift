import Postgres
import TestSupport
import Testing

@testable import CRM

/// A migrated database of one test with sellers 1 to 9, a manager's account and a clock that stands still where told.
struct MoveLab: Sendable {
    let base: AssignmentLab
    /// A manager who has no `crm_userinfo`.
    static let account = 900

    /// Sees at the end whether the promises about the rows hold.
    static func with(_ body: @Sendable (MoveLab) async throws -> Void) async throws {
        try await AssignmentLab.with(sessions: 6) { base in
            let lab = MoveLab(base: base)
            try await base.addSellers(Array(1...9))
            _ = try await base.pool.query("SELECT setval(pg_get_serial_sequence('crm_userinfo', 'id'), 9)")
            _ = try await base.pool.query(
                "INSERT INTO rbac_user (id, username) VALUES (\(account)::bigint, 'a manager with a long name')")
            try await body(lab)
            #expect(try await lab.broken().isEmpty)
        }
    }

    func broken() async throws -> [String] { try await base.pool.transaction { try Invariants.violations(in: &$0) } }

    func desk(_ settings: PoolSettings = PoolSettings()) -> OwnershipDesk {
        OwnershipDesk(pool: base.workers, settings: settings, publisher: EventTable())
    }

    static func seller(_ id: Int) -> Caller {
        Caller(userID: Int64(100 + id), name: "seller", sellerID: Int64(id), codes: [], menu: [], rules: [])
    }

    /// - Parameter seller: his `crm_userinfo`, if he has one.
    static func manager(_ seller: Int? = nil) -> Caller {
        Caller(
            userID: Int64(account), name: "a manager with a long name", sellerID: seller.map { Int64($0) },
            codes: ["customer.all"], menu: [], rules: [])
    }

    // MARK: time

    /// Stops the database's clock at a time in Shanghai.
    func freeze(_ time: String) async throws {
        _ = try await base.pool.query(
            """
            CREATE OR REPLACE FUNCTION paidan.shifted_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
            $$ SELECT timestamptz '\(raw: time)+08' $$
            """)
    }

    /// A little later the clock, which stands still, jumps to another time; a transaction sees the one of its start.
    func freeze(_ time: String, thenIn wait: Duration, _ later: String) async throws {
        let milliseconds = Int(wait / .milliseconds(1))
        let turn = try await text("SELECT (pg_catalog.now() + \(milliseconds)::int * interval '1 ms')::text") ?? ""
        _ = try await base.pool.query(
            """
            CREATE OR REPLACE FUNCTION paidan.shifted_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
            $$ SELECT CASE WHEN pg_catalog.now() < timestamptz '\(raw: turn)' THEN timestamptz '\(raw: time)+08'
                ELSE timestamptz '\(raw: later)+08' END $$
            """)
    }

    func set(_ name: String, _ value: String) async throws {
        _ = try await base.pool.query(
            """
            INSERT INTO paidan.setting (name, value) VALUES (\(name), \(value))
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }

    // MARK: rows

    /// A new customer, of that seller from today on, else one that waits.
    func customer(of seller: Int? = nil) async throws -> Int {
        let id = try await base.addCustomers(1)[0]
        if let seller { try await give(id, to: seller) }
        return id
    }

    func give(_ customer: Int, to seller: Int) async throws {
        try await base.service { tx in
            _ = try OwnershipStore.give(customer, to: seller, .import, in: &tx)
        }
    }

    /// A new customer in the pool, whom nobody had.
    func pooled() async throws -> Int {
        let id = try await customer()
        #expect(try await word(desk().toPool(id, by: Self.manager())) == "done")
        return id
    }

    func close(_ customer: Int) async throws {
        try await base.service { tx in
            try OwnershipStore.end(customer, .deal, in: &tx)
            _ = try tx.query("UPDATE crm_customer SET status = 1, pool_since = NULL WHERE id = \(customer)::bigint")
        }
    }

    func cap(_ seller: Int, holding: Int? = nil, daily: Int? = nil, num: Int = 0) async throws {
        try await base.service { tx in
            _ = try tx.query(
                """
                INSERT INTO crm_salerank (user_id, num, weight) VALUES (\(seller)::bigint, \(num)::int, 1)
                ON CONFLICT (user_id) DO UPDATE SET num = excluded.num
                """)
            _ = try tx.query(
                """
                INSERT INTO paidan.rank_limit (user_id, daily_cap, holding_cap)
                VALUES (\(seller)::bigint, \(daily)::int, \(holding)::int)
                ON CONFLICT (user_id) DO UPDATE
                SET daily_cap = excluded.daily_cap, holding_cap = excluded.holding_cap
                """)
        }
    }

    // MARK: looking

    /// `private 1 2018-05-19 2018-05-22 - | 1:1:-`: state, owner, received, last follow-up, in the pool since, and
    /// `user:status:ended_on` of each distribution.
    func state(_ customer: Int) async throws -> String {
        try await text(
            """
            SELECT concat_ws(' ', pool_state, coalesce(consultant_id::text, '-'), coalesce(recv_date::text, '-'),
                last_consult_date, coalesce(pool_since::text, '-'), '|', (
                    SELECT string_agg(user_id || ':' || status || ':' || coalesce(ended_on::text, '-'), ' ' ORDER BY id)
                    FROM crm_customerdistribution WHERE customer_id = c.id))
            FROM crm_customer c WHERE id = \(customer)::bigint
            """) ?? "gone"
    }

    func count(_ sql: SQL) async throws -> Int { try await base.pool.query(sql)[0].int(0) }

    func text(_ sql: SQL) async throws -> String? { try await base.pool.query(sql).first?.optionalText(0) }

    func notes(_ customer: Int) async throws -> Int {
        try await count("SELECT count(*) FROM crm_consultrecord WHERE customer_id = \(customer)::bigint")
    }

    /// Jobs that the outbox has for customers who wait.
    func assignments() async throws -> Int {
        try await count("SELECT count(*) FROM paidan.outbox WHERE kind = 'customer.assign'")
    }
}

/// What came of a move, in a word or two.
func word(_ moved: Moved) -> String {
    switch moved {
    case .done: "done"
    case .noted(_, let clockMoved): clockMoved ? "moved" : "kept"
    case .refused(let refusal): refusal.rawValue
    case .invalid(let problems): problems.map { "\($0.pointer) \($0.code)" }.joined(separator: ", ")
    case .missing: "missing"
    }
}
