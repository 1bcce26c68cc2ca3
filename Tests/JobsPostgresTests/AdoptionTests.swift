import CRM
import JobsPostgres
import OwnerThread
import Postgres
import TestSupport
import Testing

@Suite("A database that already holds the CRM's tables and rows")
struct AdoptionTests {
    /// Makes the old tables, fills them, migrates, and hands over what `migrate` printed.
    private func adopt(_ rows: String, _ body: (Story, [String]) async throws -> Void) async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo) { pool in
                try await OldCRM.make(pool)
                try await pool.transaction { tx in
                    try tx.run(
                        script: """
                            INSERT INTO crm_department (title, code) VALUES ('销售部', 1001), ('技术部', 2000);
                            INSERT INTO crm_userinfo (name, username, password, email, depart_id)
                            SELECT n, n, '', '', 1001 FROM unnest(ARRAY['甲', '乙', '丙']) n;
                            \(rows)
                            """)
                }
                let lines = Lock<[String]>([])
                let migrator = Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all)
                try await migrator.migrate { line in lines.withLock { $0.append(line) } }
                let told = lines.withLock { $0.filter { !$0.hasSuffix(": applied") } }
                let story = Story(pool: pool, conninfo: conninfo)
                #expect(try await story.number("SELECT count(*) FROM paidan.audit_log") == told.count)
                #expect(try await story.broken() == [])
                try await body(story, told)
                try await migrator.migrate { line in Issue.record("a second time: \(line)") }
                #expect(
                    try await story.number("SELECT count(*) FROM paidan.audit_log WHERE actor = 'migrate'")
                        == told.count)
            }
        }
    }

    /// One customer: status, consultant, recv_date and last_consult_date, then `user:status:ctime` of its distributions.
    private func customer(
        status: Int = 2, of consultant: Int, recv: String? = "2018-05-01", last: String = "2018-05-10",
        _ distributions: String...
    ) -> String {
        let rows = distributions.map { text in
            let part = text.split(separator: ":")
            return """
                INSERT INTO crm_customerdistribution (user_id, status, ctime, customer_id)
                VALUES (\(part[0]), \(part[1]), '\(part[2])', currval('crm_customer_id_seq'));
                """
        }
        return """
            INSERT INTO crm_customer
                (qq, name, gender, source, status, recv_date, date, last_consult_date, consultant_id)
            VALUES (gen_random_uuid()::text, '客户', 1, 1, \(status), \(recv.map { "'\($0)'" } ?? "NULL"), '2018-04-30',
                '\(last)', \(consultant));
            \(rows.joined(separator: "\n"))
            """
    }

    @Test("clean rows are kept, and nothing is repaired")
    func clean() async throws {
        try await adopt(
            customer(of: 1, "1:1:2018-05-01") + customer(status: 1, of: 2)
                + "INSERT INTO crm_salerank (user_id, num, weight) VALUES (1, 3, 1), (2, 0, 2);"
        ) { (story: Story, told: [String]) async throws -> Void in
            #expect(told == [])
            #expect(try await story.state(1) == "private 1 2018-05-01 2018-05-10 - | 1:1:-")
            #expect(try await story.state(2) == "closed 2 2018-05-01 2018-05-10 - |")
            #expect(try await story.number("SELECT count(*) FROM crm_department") == 2)
            #expect(try await story.number("SELECT version FROM crm_customer WHERE id = 1") == 1)
            // Widened: no consultant, no gender, a longer company, and the defaults that Django keeps to itself.
            try await story.page("INSERT INTO crm_customer (qq, name, company) VALUES ('1', '客户', repeat('长', 64))")
            #expect(try await story.state(3).hasPrefix("pending -"))
        }
    }

    @Test("ended rows without a date get the day they were made")
    func endedOn() async throws {
        try await adopt(customer(of: 2, "1:3:2018-04-01", "2:1:2018-05-01")) {
            (story: Story, told: [String]) async throws -> Void in
            #expect(told.count == 1)
            #expect(told[0].hasPrefix("mend.ended_on: crm_customerdistribution 1 "))
            #expect(try await story.state(1) == "private 2 2018-05-01 2018-05-10 - | 1:3:2018-04-01 2:1:-")
        }
    }

    @Test("of several open distributions the newest stays, older ones become 5")
    func severalOpen() async throws {
        try await adopt(customer(of: 1, "1:1:2018-05-01", "1:1:2018-05-02", "1:1:2018-05-03")) {
            (story: Story, told: [String]) async throws -> Void in
            #expect(told.count == 2)
            #expect(try await story.state(1).hasSuffix("| 1:5:2018-05-01 1:5:2018-05-02 1:1:-"))
        }
    }

    @Test("an open one of somebody else than the consultant becomes 5")
    func somebodyElse() async throws {
        try await adopt(customer(of: 1, "1:1:2018-05-01", "2:1:2018-05-02") + customer(of: 1, "2:1:2018-05-02")) {
            (story: Story, told: [String]) async throws -> Void in
            #expect(try await story.state(1).hasSuffix("| 1:1:- 2:5:2018-05-02"))
            #expect(try await story.state(2).hasSuffix("| 2:5:2018-05-02 1:1:-"))
            #expect(told.count == 3)
        }
    }

    @Test("an open one of an enrolled customer becomes 2")
    func enrolled() async throws {
        try await adopt(
            customer(status: 1, of: 1, "1:1:2018-05-01")
                + customer(status: 1, of: 1, "2:1:2018-05-01", "1:1:2018-05-02")
        ) { (story: Story, told: [String]) async throws -> Void in
            #expect(try await story.state(1) == "closed 1 2018-05-01 2018-05-10 - | 1:2:2018-05-01")
            #expect(try await story.state(2).hasSuffix("| 2:5:2018-05-01 1:2:2018-05-02"))
            #expect(told.count == 3)
        }
    }

    @Test("the consultant's newest is 3 or 4: public since the day it ended", arguments: [3, 4])
    func lost(status: Int) async throws {
        try await adopt(
            customer(of: 1, "1:\(status):2018-05-05") + customer(of: 1, "1:1:2018-05-01", "1:\(status):2018-05-05")
        ) { (story: Story, told: [String]) async throws -> Void in
            let ended = "2018-05-05"
            #expect(try await story.state(1) == "public - 2018-05-01 2018-05-10 \(ended) | 1:\(status):\(ended)")
            #expect(try await story.state(2).hasPrefix("public - 2018-05-01 2018-05-10 \(ended) |"))
            #expect(told.filter { $0.hasPrefix("mend.public: crm_customer") }.count == 2)
        }
    }

    @Test("a consultant without a distribution gets an open one of origin crm")
    func without() async throws {
        try await adopt(customer(of: 1) + customer(of: 1, recv: "2018-05-20", last: "2018-05-10", "2:3:2018-05-05")) {
            (story: Story, told: [String]) async throws -> Void in
            #expect(try await story.state(1) == "private 1 2018-05-01 2018-05-10 - | 1:1:-")
            #expect(try await story.state(2) == "private 1 2018-05-20 2018-05-10 - | 2:3:2018-05-05 1:1:-")
            let made = try await story.text(
                """
                SELECT string_agg(origin || ' ' || ctime, ' ' ORDER BY id) FROM crm_customerdistribution WHERE status = 1
                """)
            #expect(made == "crm 2018-05-01 crm 2018-05-10")
            #expect(told.filter { $0.hasPrefix("mend.distribution: ") }.count == 2)
        }
    }

    @Test("a missing recv_date comes from the distribution, else from the customer's date")
    func recvDate() async throws {
        try await adopt(
            customer(of: 1, recv: nil, "2:5:2018-05-07", "1:1:2018-05-03") + customer(of: 1, recv: nil)
        ) { (story: Story, told: [String]) async throws -> Void in
            #expect(try await story.state(1).hasPrefix("private 1 2018-05-03 2018-05-10"))
            #expect(try await story.state(2).hasPrefix("private 1 2018-04-30 2018-05-10"))
            #expect(told.filter { $0.hasPrefix("mend.recv_date: ") }.count == 2)
        }
    }

    @Test("nobody was asked about a customer before he had it")
    func lastConsult() async throws {
        try await adopt(customer(of: 1, last: "2018-05-01", "1:1:2018-05-03")) {
            (story: Story, told: [String]) async throws -> Void in
            #expect(try await story.state(1).hasPrefix("private 1 2018-05-01 2018-05-03"))
            #expect(told.count == 1)
        }
    }

    @Test("the newest rank of a seller stays, a negative share is none")
    func ranks() async throws {
        try await adopt(
            "INSERT INTO crm_salerank (user_id, num, weight) VALUES (1, 3, 1), (2, -4, 1), (1, 7, 2), (1, 5, 4), (3, 1, 1);"
        ) { (story: Story, told: [String]) async throws -> Void in
            let ranks = try await story.text(
                "SELECT string_agg(id || ':' || user_id || ':' || num, ' ' ORDER BY id) FROM crm_salerank")
            #expect(ranks == "2:2:0 4:1:5 5:3:1")
            #expect(told.count == 3)
            #expect(
                try await sqlState {
                    try await story.page("INSERT INTO crm_salerank (user_id, num, weight) VALUES (1, 1, 1)")
                } == "23505")
        }
    }

    @Test("unknown codes, and ids that the sequence has not seen")
    func codes() async throws {
        try await adopt(
            customer(status: 7, of: 1, "1:0:2018-05-01")
                + """
                INSERT INTO rbac_menu (id, title) VALUES (1, '菜单');
                INSERT INTO rbac_role (id, title) VALUES (1, '销售'), (2, '讲师');
                """
        ) { (story: Story, told: [String]) async throws -> Void in
            #expect(try await story.state(1) == "private 1 2018-05-01 2018-05-10 - | 1:5:2018-05-01 1:1:-")
            #expect(told.filter { $0.hasPrefix("mend.status: ") }.count == 2)
            #expect(
                try await story.text("SELECT string_agg(title, ' ' ORDER BY id) FROM rbac_role")
                    == "销售 讲师 管理员 运营 销售总监 调度")
            #expect(try await story.number("SELECT count(*) FROM rbac_role_permissions WHERE role_id = 1") > 5)
        }
    }
}
