import CRM
import Postgres
import TestSupport
import Testing

@testable import PaidanCommand

/// The combined search and the pool over HTTP, each test with a database of its own.
@Suite struct ListAPITests {
    /// A service with two sellers, a manager (the administrator) and the customers that `rows` gives.
    private static func with(
        _ rows: String, _ body: (TestService, _ first: String, _ second: String) async throws -> Void
    ) async throws {
        try await TestService.with { service in
            let first = try await service.token(for: "first", roles: ["销售"], seller: true)
            let second = try await service.token(for: "second", roles: ["销售"], seller: true)
            try await service.composition.pool.transaction { tx in
                try tx.run(
                    script: """
                        SELECT set_config('paidan.writer', 'service', true);
                        INSERT INTO crm_course (id, name) VALUES (1, 'Python'), (2, 'Linux');
                        CREATE FUNCTION pg_temp.seller(n text) RETURNS int LANGUAGE sql AS
                            $$ SELECT id FROM crm_userinfo WHERE username = n $$;
                        \(rows)
                        SELECT setval(pg_get_serial_sequence('crm_customer', 'id'), 5000);
                        """)
            }
            try await body(service, first, second)
        }
    }

    /// 1 and 2 are first's, 3 second's, 4 pending, 5 public, 6 closed (second's), 7 overdue since yesterday (first's).
    private static let few = """
        INSERT INTO crm_customer (id, qq, name, company, graduation_school, source, education, status, consultant_id,
            recv_date, last_consult_date, pool_since) VALUES
            (1, '10001', '张伟明', '青岛海尔集团', '清华大学', 1, 1, 2, pg_temp.seller('first'), paidan.today() - 2,
                paidan.today() - 2, NULL),
            (2, '10002', '李四', 'ACME 100%_A\\B', '兰州大学', 2, 2, 2, pg_temp.seller('first'), paidan.today(),
                paidan.today(), NULL),
            (3, '10003', '王五', NULL, NULL, 2, 3, 2, pg_temp.seller('second'), paidan.today() - 1, paidan.today(), NULL),
            (4, '22224', '赵六', 'ＡＢＣ公司', '清华附中', 3, NULL, 2, NULL, NULL, paidan.today(), NULL),
            (5, '10005', '欧阳海', 'acme', NULL, 3, 1, 2, NULL, paidan.today() - 40, paidan.today() - 40,
                paidan.today() - 36),
            (6, '10006', '张三', NULL, NULL, 1, 1, 1, pg_temp.seller('second'), paidan.today() - 60,
                paidan.today() - 50, NULL),
            (7, '10007', '孙七', NULL, '清华大学', 1, 1, 2, pg_temp.seller('first'), paidan.today() - 5,
                paidan.today() - 5, NULL);
        INSERT INTO crm_customer_course (customer_id, course_id) VALUES (1, 1), (2, 2), (3, 1), (3, 2);
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
        SELECT consultant_id, id, recv_date, CASE status WHEN 1 THEN 2 ELSE 1 END, 'manual',
            CASE status WHEN 1 THEN recv_date END FROM crm_customer WHERE consultant_id IS NOT NULL;
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
        VALUES (pg_temp.seller('first'), 5, paidan.today() - 40, 3, 'manual', paidan.today() - 36);
        """

    private func ids(_ service: TestService, _ query: String, token: String? = nil) async throws -> String {
        let answer = try await service.ask("GET", "/v1/customers?\(query)", token: token)
        #expect(answer.status == 200, "\(query): \(answer.text)")
        return answer.json["items"].items.compactMap { $0["id"].string }.joined(separator: " ")
    }

    private func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }

    @Test func everyFilterAloneRepeatedAndTogether() async throws {
        try await Self.with(Self.few) { service, _, _ in
            let users = try await service.composition.pool.query(
                "SELECT id FROM crm_userinfo WHERE username IN ('first', 'second') ORDER BY username")
            let (first, second) = (try users[0].int(0), try users[1].int(0))
            let today = try await service.composition.pool.query("SELECT (paidan.today() + 3)::text")[0].text(0)
            let expected: [(String, String)] = [
                ("", "7 6 5 4 3 2 1"), ("sort=id", "1 2 3 4 5 6 7"), ("limit=2", "7 6"),
                ("q=\(encoded("张"))", "6 1"), ("q=\(encoded("伟明"))", "1"), ("q=\(encoded("海尔"))", "1"),
                ("q=\(encoded("清华"))", "7 4 1"), ("q=\(encoded("清华大学"))", "7 1"), ("q=1000", "7 6 5 3 2 1"),
                ("q=10003", "3"), ("q=222", "4"), ("q=24", "4"), ("q=4", "4"), ("q=acme", "5 2"), ("q=AcMe", "5 2"),
                ("q=abc", "4"), ("q=\(encoded("ａｂｃ"))", "4"), ("q=ac", "5 2"), ("q=\(encoded("欧"))", "5"),
                ("q=%25", "2"), ("q=_", "2"), ("q=%5C", "2"), ("q=100%25_a%5Cb", "2"), ("q=%25%25", ""),
                ("q=\(encoded("伟张"))", ""), ("q=\(encoded(" 李四 "))", "2"), ("q=&sort=id&limit=1", "1"),
                ("q=\(encoded("李四"))&q=\(encoded("王五"))", "3 2"), ("q=24&q=\(encoded("王五"))", "4 3"),
                ("pool_state=pending", "4"), ("pool_state=private", "3 2 1"), ("pool_state=public", "7 5"),
                ("pool_state=closed", "6"), ("pool_state=pending&pool_state=closed", "6 4"),
                ("consultant=\(first)", "2 1"), ("consultant=\(second)", "6 3"),
                ("consultant=\(first)&consultant=\(second)", "6 3 2 1"), ("source=2", "3 2"),
                ("source=2&source=3", "5 4 3 2"), ("education=1", "7 6 5 1"), ("education=2&education=3", "3 2"),
                ("course=1", "3 1"), ("course=2", "3 2"),
                ("course=1&course=2", "3 2 1"), ("course=9", ""), ("due_before=\(today)", "1"),
                ("source=1&education=1&pool_state=private", "1"), ("q=\(encoded("清华"))&pool_state=public", "7"),
                ("course=1&q=\(encoded("五"))", "3"), ("consultant=\(first)&q=\(encoded("清华"))", "1"),
                ("sort=expires_on", "1 2 3 4 5 6 7"), ("sort=-expires_on", "3 2 1 7 6 5 4"),
                ("sort=last_consult_date", "6 5 7 1 2 3 4"), ("sort=-last_consult_date", "4 3 2 1 7 5 6"),
            ]
            for index in [false, true] {
                if index { _ = try await service.composition.pool.query("SELECT paidan.search_catch_up(1000)") }
                for (query, wanted) in expected {
                    let found = try await ids(service, query)
                    #expect(found == wanted, "\(query), \(index ? "indexed" : "fresh")")
                }
            }
            let sorted = try await ids(service, "sort=name")
            let backwards = sorted.split(separator: " ").reversed().joined(separator: " ")
            #expect(try await ids(service, "sort=-name") == backwards)
            #expect(sorted == "7 6 1 2 5 3 4", "by code point")
        }
    }

    @Test func aSellerSeesHisOwnOnly() async throws {
        try await Self.with(Self.few) { service, first, second in
            #expect(try await ids(service, "", token: first) == "2 1")
            #expect(try await ids(service, "", token: second) == "6 3")
            #expect(try await ids(service, "pool_state=public", token: first) == "")
            #expect(try await ids(service, "q=\(encoded("清华"))", token: first) == "1")
            #expect(try await ids(service, "q=\(encoded("清华"))", token: second) == "")
            #expect(try await ids(service, "sort=expires_on", token: second) == "3 6")
            let other = try await service.composition.pool.query(
                "SELECT id FROM crm_userinfo WHERE username = 'second'")[0].int(0)
            #expect(try await ids(service, "consultant=\(other)", token: first) == "")
            let nobody = try await service.token(for: "plain", roles: ["销售"])
            #expect(try await ids(service, "", token: nobody) == "")
        }
    }

    @Test func anEditIsFoundAtOnceAndTheOldTextNoMore() async throws {
        try await Self.with(Self.few) { service, _, _ in
            let pool = service.composition.pool
            _ = try await pool.query("SELECT paidan.search_catch_up(1000)")
            _ = try await pool.query("UPDATE crm_customer SET name = '钱八', education = 7 WHERE id = 4")
            for _ in 0..<2 {
                #expect(try await ids(service, "q=\(encoded("赵六"))") == "")
                #expect(try await ids(service, "q=\(encoded("钱八"))") == "4")
                #expect(try await ids(service, "education=7") == "4")
                _ = try await pool.query("SELECT paidan.search_catch_up(1000)")
            }
            _ = try await pool.query("DELETE FROM crm_customer WHERE id = 4")
            #expect(try await ids(service, "q=\(encoded("钱八"))") == "")
            #expect(try await pool.query("SELECT FROM paidan.customer_search WHERE customer_id = 4").isEmpty)
            let made = try await service.ask("POST", "/v1/customers", #"{"qq": 600100, "name": "周九九"}"#)
            #expect(try await ids(service, "q=\(encoded("九九"))") == made.json["id"].string)
        }
    }

    @Test func anOverdueCustomerIsThePools() async throws {
        try await Self.with(Self.few) { service, first, second in
            let open = try await service.ask("GET", "/v1/pool", token: second).json["items"].items
            #expect(open.compactMap { $0["id"].string } == ["7", "5"], "newest first")
            #expect(open.map { $0["may_grab"].bool } == [true, true])
            try #require(open.count == 2)
            #expect(open[0]["pool_state"].string == "public" && open[0]["consultant_id"].isNull)
            let since = try await service.composition.pool.query("SELECT (paidan.today() - 1)::text")[0].text(0)
            #expect(open[0]["pool_since"].string == since)
            let his = try await service.ask("GET", "/v1/pool?list=open", token: first).json["items"].items
            #expect(his.map { $0["may_grab"].bool } == [false, false], "he let both go")
            for (index, item) in his.enumerated() {
                let grab = try await service.ask("POST", "/v1/customers/\(item["id"].string ?? "")/grab", token: first)
                #expect(grab.code == "former_owner", "item \(index)")
            }
            let boss = try await service.ask("GET", "/v1/pool").json["items"].items
            #expect(boss.map { $0["may_grab"].bool } == [false, false], "no seller")
            let cold = try await service.ask("GET", "/v1/pool?list=cold").json["items"].items
            #expect(cold.compactMap { $0["id"].string } == ["5"])
        }
    }

    @Test func capsAndExhaustion() async throws {
        try await Self.with(Self.few) { service, _, second in
            let pool = service.composition.pool
            let answer = try await service.ask("GET", "/v1/pool?list=exhausted")
            #expect(answer.json["items"].items.isEmpty && answer.json["next_cursor"].isNull)
            _ = try await pool.query(
                """
                INSERT INTO paidan.rank_limit (user_id, holding_cap)
                SELECT id, 1 FROM crm_userinfo WHERE username = 'second'
                """)
            let capped = try await service.ask("GET", "/v1/pool", token: second).json["items"].items
            #expect(capped.map { $0["may_grab"].bool } == [false, false])
            _ = try await pool.query(
                """
                UPDATE crm_userinfo SET is_active = false WHERE username = 'second'
                """)
            let left = try await service.ask("GET", "/v1/pool?list=exhausted").json["items"].items
            #expect(left.compactMap { $0["id"].string } == ["7", "5"], "first is the only one, and had both")
            _ = try await pool.query("UPDATE paidan.setting SET value = 'last_owner' WHERE name = 'former_owner'")
            let last = try await service.ask("GET", "/v1/pool?list=exhausted").json["items"].items
            #expect(last.compactMap { $0["id"].string } == ["7", "5"])
        }
    }

    /// 500 customers of four names, states mixed, some protected.
    private static let many = """
        INSERT INTO crm_customer (id, qq, name, source, consultant_id, recv_date, last_consult_date, protected_until,
            pool_since)
        SELECT i, 30000 + i, (ARRAY['张三', '李四', '张三', '王五'])[1 + i % 4], 1 + i % 3,
            CASE WHEN i % 2 = 0 THEN pg_temp.seller('first') END, paidan.today() - i % 13, paidan.today() - i % 6,
            CASE WHEN i % 10 = 0 THEN paidan.today() + i % 4 - 2 END,
            CASE WHEN i % 3 = 0 AND i % 2 = 1 THEN paidan.today() - i % 50 END
        FROM generate_series(1, 500) i;
        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin)
        SELECT consultant_id, id, recv_date, 1, 'crm' FROM crm_customer WHERE consultant_id IS NOT NULL;
        """

    @Test(arguments: [
        "sort=id", "sort=-id", "sort=name", "sort=-name", "sort=expires_on", "sort=-expires_on",
        "sort=last_consult_date", "sort=-last_consult_date", "sort=-name&source=2&source=3",
        "sort=expires_on&q=\("%E5%BC%A0")", "sort=-expires_on&pool_state=private", "pool",
    ])
    func pagesGiveEachOnceWhileOthersAreInserted(_ query: String) async throws {
        try await Self.with(Self.many) { service, _, _ in
            let path = query == "pool" ? "/v1/pool?limit=7" : "/v1/customers?limit=7&\(query)"
            let sort = query.split(separator: "&")[0].dropFirst(5).drop { $0 == "-" }
            let key = query == "pool" ? "pool_since" : String(sort)
            let pool = service.composition.pool
            let whole = try await service.ask("GET", path.replacing("limit=7", with: "limit=200"))
            var expected = whole.json["items"].items
            var rest = whole.json["next_cursor"].string
            while let cursor = rest {
                let next = try await service.ask(
                    "GET", path.replacing("limit=7", with: "limit=999") + "&cursor=" + cursor)
                #expect(next.json["items"].items.count <= 200)
                expected += next.json["items"].items
                rest = next.json["next_cursor"].string
            }
            var seen: [String] = []
            var cursor: String?
            var pages = 0
            repeat {
                let page = try await service.ask("GET", path + (cursor.map { "&cursor=\($0)" } ?? "")).json
                seen += page["items"].items.compactMap { $0["id"].string }
                cursor = page["next_cursor"].string
                pages += 1
                _ = try await pool.query(
                    """
                    INSERT INTO crm_customer (id, qq, name, source, pool_since, last_consult_date)
                    VALUES (\(1000 + pages), \("\(90000 + pages)"), '张三', 2, paidan.today() - \(pages % 50)::int,
                        paidan.today() - \(pages % 6)::int)
                    """)
            } while cursor != nil
            let old = seen.filter { (Int($0) ?? 0) <= 500 }
            #expect(old == expected.compactMap { $0["id"].string }, "in order, each once")
            #expect(Set(seen).count == seen.count)
            #expect(old.count > 60)
            // The order is that of the key, then of the id; what has no key comes last.
            let places = expected.map { (key: $0[key].string ?? "", id: Int($0["id"].string ?? "") ?? 0) }
            let isDown = query.contains("=-") || query == "pool"
            for (one, two) in zip(places, places.dropFirst()) where key != "id" {
                if two.key.isEmpty, !one.key.isEmpty { continue }
                let order =
                    one.key == two.key ? one.id < two.id : one.key.utf8.lexicographicallyPrecedes(two.key.utf8)
                #expect(order != isDown && !(one.key.isEmpty && !two.key.isEmpty), "\(one) before \(two)")
            }
        }
    }

    @Test func oddValuesAreNamed() async throws {
        let service = try await TestService.shared.value
        for (query, pointer) in [
            ("pool_state=open", "/pool_state"), ("consultant=x", "/consultant"),
            ("consultant=0", "/consultant"), ("consultant=99999999999", "/consultant"), ("source=17", "/source"),
            ("source=%2B1", "/source"), ("education=9", "/education"), ("course=-1", "/course"),
            ("course=1&course=a", "/course"), ("due_before=tomorrow", "/due_before"),
            ("due_before=2026-02-30", "/due_before"), ("sort=qq", "/sort"), ("sort=--id", "/sort"),
            ("limit=0", "/limit"), ("limit=x", "/limit"), ("q=a%00b", "/q"),
            ("q=" + String(repeating: "a", count: 65), "/q"),
            ("cursor=x", "/cursor"), ("cursor=", "/cursor"), ("cursor=e30", "/cursor"), ("colour=red", "/colour"),
        ] {
            let answer = try await service.ask("GET", "/v1/customers?\(query)")
            expectProblem(answer, 422)
            #expect(answer.json["errors"][0]["pointer"].string == pointer, "\(query): \(answer.text)")
        }
        // Fields that nobody filled in.
        let blank = "q=&pool_state=&consultant=&source=&course=&education=&due_before=&sort=&limit="
        #expect(try await service.ask("GET", "/v1/customers?\(blank)").status == 200)
        let both = try await service.ask("GET", "/v1/customers?source=0&limit=0&sort=x")
        #expect(both.json["errors"].items.compactMap { $0["pointer"].string } == ["/source", "/sort", "/limit"])
        for (query, pointer) in [("list=warm", "/list"), ("cursor=x", "/cursor"), ("limit=-1", "/limit")] {
            let answer = try await service.ask("GET", "/v1/pool?\(query)")
            expectProblem(answer, 422)
            #expect(answer.json["errors"][0]["pointer"].string == pointer, "\(query): \(answer.text)")
        }
        for list in ["open", "cold", "exhausted"] {
            #expect(try await service.ask("GET", "/v1/pool?list=\(list)").status == 200)
        }
        #expect(try await service.ask("GET", "/v1/customers?due_before=9999-12-31&sort=expires_on").status == 200)
        #expect(try await service.ask("GET", "/v1/customers?due_before=0001-01-01").json["items"].items.isEmpty)
    }

    @Test func aCursorIsOfItsListOnly() async throws {
        try await Self.with(Self.many) { service, _, _ in
            func cursor(_ path: String) async throws -> String {
                try #require(try await service.ask("GET", path).json["next_cursor"].string)
            }
            let byID = try await cursor("/v1/customers?limit=1")
            let byName = try await cursor("/v1/customers?limit=1&sort=name")
            let open = try await cursor("/v1/pool?limit=1")
            for path in [
                "/v1/customers?sort=id&cursor=\(byID)", "/v1/customers?sort=-name&cursor=\(byName)",
                "/v1/customers?source=1&cursor=\(byID)", "/v1/customers?cursor=\(open)", "/v1/pool?cursor=\(byID)",
                "/v1/pool?list=cold&cursor=\(open)", "/v1/customers?cursor=\(byID.dropLast(2))",
                "/v1/customers?cursor=\(byID)AAAA", "/v1/customers?cursor=\(String(repeating: "A", count: 2000))",
            ] {
                let answer = try await service.ask("GET", path)
                expectProblem(answer, 422, "cursor")
                #expect(answer.json["errors"][0]["pointer"].string == "/cursor")
            }
            // Another size of the page, and another order of the filters, is the same list.
            #expect(try await service.ask("GET", "/v1/customers?limit=3&cursor=\(byID)").status == 200)
            let two = try await cursor("/v1/customers?limit=1&source=1&source=2")
            #expect(try await service.ask("GET", "/v1/customers?source=2&source=1&cursor=\(two)").status == 200)
        }
    }
}
