import JobsPostgres
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

/// A migrated database of one scenario whose clock stands where the scenario puts it; its invariants are looked at when
/// the scenario ends.
final class DealLab: Sendable {
    let pool: PostgresPool
    let desk: OwnershipDesk
    let customers: CustomerStore
    private let numbers = Lock(100_000)

    private init(_ pool: PostgresPool) {
        self.pool = pool
        desk = OwnershipDesk(pool: pool, settings: PoolSettings(), publisher: EventTable())
        customers = CustomerStore(pool: pool)
    }

    static func with(sessions: Int = 3, _ body: (DealLab) async throws -> Void) async throws {
        try await FreshDatabase.with(template: "deals", prepare: prepare) { conninfo in
            try await PostgresPool.with(conninfo, sessions: sessions) { pool in
                let lab = DealLab(pool)
                try await body(lab)
                #expect(try await pool.transaction { try Invariants.violations(in: &$0) } == [])
            }
        }
    }

    /// Sellers 1, 2 and 3; 4 of another department, 5 who left; courses 1 to 3, class 1.
    private static func prepare(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            try await pool.transaction { tx in
                try tx.run(
                    script: """
                        CREATE OR REPLACE FUNCTION paidan.shifted_now() RETURNS timestamptz LANGUAGE sql STABLE AS
                            $$ SELECT paidan.setting('standing_at', pg_catalog.now()::text)::timestamptz $$;
                        INSERT INTO crm_userinfo (id, name, username, depart_id, is_active) VALUES
                            (1, '甲', 'jia', 1001, true), (2, '乙', 'yi', 1001, true), (3, '丙', 'bing', 1001, true),
                            (4, '丁', 'ding', 1000, true), (5, '戊', 'wu', 1001, false);
                        INSERT INTO crm_course (id, name) VALUES (1, 'Python'), (2, 'Linux'), (3, 'Go');
                        INSERT INTO crm_school (id, title) VALUES (1, '总校');
                        INSERT INTO crm_classlist (id, school_id, course_id, semester, price, start_date, tutor_id)
                        VALUES (1, 1, 1, 1, 19800, '2018-06-01', 4);
                        """)
            }
        }
    }

    /// The clock stands at this time in Shanghai.
    func at(_ time: String) async throws {
        _ = try await service { tx in
            try tx.query(
                """
                INSERT INTO paidan.setting (name, value)
                VALUES ('standing_at', (\(time)::timestamp AT TIME ZONE 'Asia/Shanghai')::text)
                ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
                """)
        }
    }

    /// What the service writes.
    func service<T: Sendable>(_ body: @escaping @Sendable (inout Transaction) throws -> T) async throws -> T {
        try await pool.transaction { tx in
            Author.set("test", in: &tx)
            return try body(&tx)
        }
    }

    /// A customer who belongs to a seller from today on; pending without one.
    func customer(of seller: Int?, qq: String? = nil) async throws -> Int {
        let number = numbers.withLock {
            $0 += 1
            return $0
        }
        return try await service { tx in
            let id = try tx.query(
                "INSERT INTO crm_customer (qq, name) VALUES (\(qq ?? String(number)), '客户') RETURNING id")[0].int(0)
            if let seller { try OwnershipStore.give(id, to: seller, .own, in: &tx) }
            return id
        }
    }

    func seller(_ id: Int, codes: Set<String> = []) -> Caller {
        Caller(userID: Int64(100 + id), name: "s\(id)", sellerID: Int64(id), codes: codes, menu: [], rules: [])
    }

    /// No seller; may report late deals.
    let manager = Caller(
        userID: 9, name: "m", sellerID: nil, codes: ["customer.all", "customer.late"], menu: [], rules: [])

    /// `private 1 recv last pool_since`, then `user:status:origin:ended_on` of each distribution; `-` is nothing.
    func state(_ customer: Int) async throws -> String {
        try await text(
            """
            SELECT concat_ws(' ', pool_state, coalesce(consultant_id::text, '-'), coalesce(recv_date::text, '-'),
                last_consult_date, coalesce(pool_since::text, '-'), '|', (
                    SELECT string_agg(concat_ws(':', user_id, status, origin, coalesce(ended_on::text, '-')), ' '
                        ORDER BY id)
                    FROM crm_customerdistribution WHERE customer_id = c.id))
            FROM crm_customer c WHERE id = \(customer)::int
            """) ?? "gone"
    }

    func text(_ sql: SQL) async throws -> String? { try await pool.query(sql).first?.optionalText(0) }

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].int(0) }

    /// What people did with one customer, in order: `action actor`.
    func audit(_ customer: Int) async throws -> [String] {
        try await pool.query(
            """
            SELECT action || ' ' || actor FROM paidan.audit_log
            WHERE entity = 'crm_customer' AND entity_id = \(String(customer)) AND actor LIKE 'user:%'
                AND action <> 'customer.expire' ORDER BY id
            """
        ).map { try $0.text(0) }
    }

    /// `username date classes`; `nil` for one who is no student.
    func student(_ customer: Int) async throws -> String? {
        try await text(
            """
            SELECT concat_ws(' ', s.username, s.date, (
                SELECT string_agg(l.classlist_id::text, ',' ORDER BY l.id) FROM crm_student_class_list l
                WHERE l.student_id = s.id))
            FROM crm_student s WHERE s.customer_id = \(customer)::int
            """)
    }
}

extension Moved {
    /// `done`, `missing`, the code of a refusal, or the pointers of what is wrong.
    var word: String {
        if case .done = self { return "done" }
        if case .refused(let refusal) = self { return refusal.rawValue }
        if case .invalid(let problems) = self {
            return problems.map { "\($0.pointer) \($0.code)" }.joined(separator: ", ")
        }
        return self == .missing ? "missing" : "\(self)"
    }
}
