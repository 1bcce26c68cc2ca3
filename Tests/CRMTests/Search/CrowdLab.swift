import Foundation
import JobsPostgres
import Postgres
import TestSupport

@testable import CRM

/// A database with many made-up customers: 20,000, or as many as `PAIDAN_CROWD` says; with `PAIDAN_CROWD_DATABASE` (a
/// connection string) one that was filled before is asked, or an empty one filled and kept.
enum CrowdLab {
    private static let environment = ProcessInfo.processInfo.environment
    static let count = environment["PAIDAN_CROWD"].flatMap { Int($0) } ?? 20_000
    /// Times and plans are printed.
    static let isLong = environment["PAIDAN_CROWD"] != nil

    static func with(_ body: (PostgresPool) async throws -> Void) async throws {
        if let conninfo = environment["PAIDAN_CROWD_DATABASE"] {
            return try await PostgresPool.with(conninfo, sessions: 2) { pool in
                if try await pool.query("SELECT to_regclass('paidan.setting') IS NULL")[0].bool(0) {
                    try await fill(conninfo)
                }
                try await body(pool)
            }
        }
        try await FreshDatabase.with(template: "crowd", prepare: fill) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 2) { try await body($0) }
        }
    }

    @Sendable private static func fill(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            try await pool.transaction(deadline: .seconds(3600)) { tx in try tx.run(script: script(count)) }
            while try await pool.query("SELECT paidan.search_catch_up(20000)", deadline: .seconds(600))[0]
                .optionalInt(0) != nil
            {}
            for table in ["crm_customer", "crm_customerdistribution", "crm_customer_course", "paidan.customer_search"] {
                _ = try await pool.query("VACUUM ANALYZE \(raw: table)", deadline: .seconds(600))
            }
        }
    }

    /// Ids ascend with time. About 56 of 100 are public, 37 closed, 6 private, the last one pending. Names, sources and
    /// educations are as uneven as real ones; 欧阳 is a rare surname, 张 a common one.
    private static func script(_ count: Int) -> String {
        """
        SELECT set_config('paidan.writer', 'service', true), set_config('work_mem', '64MB', true), setseed(0.5);
        INSERT INTO crm_userinfo (id, name, username, depart_id)
        SELECT i, '销售' || i, 'seller' || i, 1001 FROM generate_series(1, 40) i;
        INSERT INTO paidan.rank_limit (user_id, holding_cap) VALUES (7, 100);
        INSERT INTO crm_course (id, name) SELECT i, 'C' || i FROM generate_series(1, 20) i;
        CREATE TEMPORARY TABLE crowd ON COMMIT DROP AS
        SELECT i AS id, (100000000 + i::bigint * 8293549151 % 1999999973)::text AS qq,
            CASE WHEN i % 4000 = 17 THEN '欧阳' ELSE substr('张王李刘陈杨赵黄周吴徐孙胡朱高林何郭马罗',
                1 + floor(random() * random() * 20)::int, 1) END || chr(19968 + floor(random() * random() * 3000)::int)
                || CASE WHEN random() < 0.7 THEN chr(19968 + floor(random() * random() * 3000)::int) ELSE '' END AS name,
            chr(20000 + i * 37 % 613) || chr(21000 + i * 101 % 2111)
                || (ARRAY['大学', '职业技术学院', '理工大学', '师范学院'])[1 + i % 4] AS school,
            CASE WHEN random() < 0.4 THEN (ARRAY['北京', '上海', '深圳', '广州', '成都'])[1 + i % 5]
                || chr(19968 + i * 53 % 2801) || chr(19968 + i * 197 % 2803)
                || (ARRAY['科技有限公司', '网络公司', '集团'])[1 + i % 3] END AS company,
            1 + floor(power(random(), 3) * 16)::int AS source, 1 + floor(power(random(), 2) * 8)::int AS education,
            1 + floor(random() * 40)::int AS seller, 1 + floor(power(random(), 2) * 20)::int AS course,
            CASE WHEN i > \(count) * 0.99 THEN 'pending' WHEN i > \(count) * 0.9 AND random() < 0.5 THEN 'private'
                WHEN random() < 0.02 THEN 'private' WHEN random() < 0.6 THEN 'public' ELSE 'closed' END AS state,
            floor(random() * 15)::int AS held, floor(random() * 4)::int AS silent,
            floor(power(random(), 2) * 2000)::int AS ago
        FROM generate_series(1, \(count)) i;
        INSERT INTO crm_customer (id, qq, name, gender, education, graduation_school, company, source, status,
            consultant_id, recv_date, date, last_consult_date, pool_since)
        SELECT id, qq, name, 1 + id % 2, education, school, company, source, CASE state WHEN 'closed' THEN 1 ELSE 2 END,
            CASE WHEN state IN ('closed', 'private') THEN seller END,
            CASE state WHEN 'pending' THEN NULL WHEN 'private' THEN t - greatest(held, silent) ELSE t - ago - 5 END,
            t - ago - 20,
            CASE state WHEN 'private' THEN t - silent WHEN 'pending' THEN t ELSE t - ago - 5 END,
            CASE state WHEN 'public' THEN t - ago END
        FROM crowd, (SELECT paidan.today() AS t OFFSET 0) day ORDER BY id;
        INSERT INTO crm_customer_course (customer_id, course_id) SELECT id, course FROM crowd;
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
        SELECT seller, id, CASE state WHEN 'private' THEN t - greatest(held, silent) ELSE t - ago - 5 END,
            CASE state WHEN 'private' THEN 1 WHEN 'closed' THEN 2 ELSE 3 END, 'crm',
            CASE state WHEN 'private' THEN NULL ELSE t - ago END
        FROM crowd, (SELECT paidan.today() AS t OFFSET 0) day WHERE state <> 'pending' ORDER BY id;
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
        SELECT u, c.id, paidan.today() - 300, 3, 'crm', paidan.today() - 290
        FROM (SELECT id FROM crowd WHERE state = 'public' ORDER BY id LIMIT 30) c, generate_series(1, 40) u;
        """
    }

    static func caller(_ seller: Int?, isManager: Bool = false) -> Caller {
        Caller(
            userID: 1, name: "somebody", sellerID: seller.map { Int64($0) },
            codes: isManager ? ["customer.all"] : [], menu: [], rules: [])
    }

    /// The statement's plan, run.
    static func plan(_ sql: SQL, in tx: inout Transaction) throws -> [String] {
        try tx.query("EXPLAIN (ANALYZE, BUFFERS) \(sql)").map { try $0.text(0) }
    }

    /// Whether the plan read all customers, and did not only say how it would.
    static func readsAll(_ plan: [String]) -> Bool {
        plan.contains { $0.contains("Seq Scan on crm_customer ") && !$0.contains("never executed") }
    }
}
