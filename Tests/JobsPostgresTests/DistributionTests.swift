import Postgres
import Testing

@Suite("Rules of distributions, whoever writes")
struct DistributionTests {
    @Test("a second open one is refused", arguments: [false, true])
    func secondOpen(byService: Bool) async throws {
        try await Story.tell { story in
            let (a, b) = (try await story.seller(), try await story.seller("乙"))
            let customer = try await story.customer(of: a)
            let state = try await sqlState {
                if byService {
                    try await story.service(
                        "INSERT INTO crm_customerdistribution (user_id, customer_id) VALUES (\(b)::int, \(customer)::int)"
                    )
                } else {
                    try await story.give(customer, to: b)
                }
            }
            #expect(state == "23505")
        }
    }

    @Test("only an open one changes its status; a no-op and a new memo are allowed", arguments: [false, true])
    func terminal(byService: Bool) async throws {
        try await Story.tell { story in
            let (a, b) = (try await story.seller(), try await story.seller("乙"))
            let (customer, other) = (try await story.customer(of: a), try await story.customer(of: a))
            let write = { @Sendable (sql: SQL) async throws -> Void in
                if byService { try await story.service(sql) } else { try await story.page(sql) }
            }
            let row: SQL = "WHERE customer_id = \(customer)::int"
            try await write("UPDATE crm_customerdistribution SET memo = '新' \(row)")
            for change: SQL in ["user_id = \(b)::int", "customer_id = \(other)::int"] {
                #expect(
                    try await sqlState { try await write("UPDATE crm_customerdistribution SET \(change) \(row)") }
                        == refused)
            }
            try await write("UPDATE crm_customerdistribution SET status = 5 \(row)")
            try await write("UPDATE crm_customerdistribution SET status = 5, memo = '备注', ctime = ctime \(row)")
            #expect(try await story.text("SELECT memo FROM crm_customerdistribution \(row)") == "备注")
            let changes: [SQL] = [
                "status = 1", "status = 2", "user_id = \(b)::int", "ctime = '2000-01-01'", "ended_on = '2000-01-01'",
                "ended_on = NULL",
            ]
            for change in changes {
                #expect(
                    try await sqlState { try await write("UPDATE crm_customerdistribution SET \(change) \(row)") }
                        == refused)
            }
        }
    }

    @Test("the day it ended is set by the database: of an expired one the day it expired")
    func endedOn() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let (one, two) = (try await story.customer(of: seller), try await story.customer(of: seller))
            try await story.at("2018-05-30 10:00")
            try await story.page("UPDATE crm_customerdistribution SET status = 3 WHERE customer_id = \(one)::int")
            try await story.page("UPDATE crm_customerdistribution SET status = 2 WHERE customer_id = \(two)::int")
            #expect(try await story.state(one).hasSuffix("1:3:2018-05-23"))
            #expect(try await story.state(two).hasSuffix("1:2:2018-05-30"))
            try await story.page(
                "INSERT INTO crm_customerdistribution (user_id, customer_id, status) VALUES (1, \(one)::int, 7)")
            #expect(try await story.state(one).hasSuffix("1:7:2018-05-30"))
            #expect(
                try await sqlState {
                    try await story.page("UPDATE crm_customerdistribution SET status = 9 WHERE status = 1")
                } == nil)
            #expect(
                try await sqlState {
                    try await story.page(
                        "INSERT INTO crm_customerdistribution (user_id, customer_id, status) VALUES (1, \(one)::int, 9)"
                    )
                } == "23514")
        }
    }

    /// A expires, B has it and loses it, A wants it again.
    private func lostTwice(_ story: Story) async throws -> (a: Int, b: Int, customer: Int) {
        try await story.at("2018-05-19 10:00")
        let (a, b) = (try await story.seller(), try await story.seller("乙"))
        let customer = try await story.customer(of: a)
        try await story.at("2018-05-30 10:00")
        try await story.give(customer, to: b)
        try await story.page("UPDATE crm_customer SET consultant_id = \(b)::int WHERE id = \(customer)::int")
        try await story.at("2018-06-30 10:00")
        try await story.page("SELECT paidan.expire_customer(\(customer)::bigint)")
        #expect(try await story.state(customer).hasSuffix("1:3:2018-05-23 2:3:2018-06-03"))
        return (a, b, customer)
    }

    @Test("any_former: no former owner gets it again, except by a manager", arguments: [false, true])
    func anyFormer(byService: Bool) async throws {
        try await Story.tell { story in
            let (a, _, customer) = try await lostTwice(story)
            let give: SQL = """
                INSERT INTO crm_customerdistribution (user_id, customer_id, origin)
                VALUES (\(a)::int, \(customer)::int, 'grab')
                """
            let state = try await sqlState {
                if byService { try await story.service(give) } else { try await story.page(give) }
            }
            #expect(state == refused)
            #expect(
                try await sqlState {
                    try await story.page(
                        "UPDATE crm_customer SET consultant_id = \(a)::int WHERE id = \(customer)::int")
                } == refused)
            try await story.service(
                """
                UPDATE crm_customer SET consultant_id = \(a)::int, recv_date = paidan.today(),
                    last_consult_date = paidan.today(), pool_since = NULL
                """,
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, origin)
                VALUES (\(a)::int, \(customer)::int, 'manual')
                """)
            #expect(try await story.broken().first?.hasPrefix("I5") == true)
            try await story.page(
                "INSERT INTO paidan.audit_log (action, entity, entity_id) VALUES ('customer.transfer', 'crm_customer', 1)"
            )
            #expect(try await story.broken() == [])
        }
    }

    @Test("last_owner: only the last one is barred, for the days of the setting")
    func lastOwner() async throws {
        try await Story.tell { story in
            try await story.page("UPDATE paidan.setting SET value = 'last_owner' WHERE name = 'former_owner'")
            let (a, b, customer) = try await lostTwice(story)
            let give: SQL = "UPDATE crm_customer SET consultant_id = \(b)::int WHERE id = \(customer)::int"
            #expect(try await sqlState { try await story.page(give) } == refused)
            #expect(try await sqlState { try await story.give(customer, to: b) } == refused)
            try await story.page("UPDATE paidan.setting SET value = '28' WHERE name = 'cooldown_days'")
            #expect(try await sqlState { try await story.give(customer, to: b) } == refused)
            try await story.page("UPDATE paidan.setting SET value = '27' WHERE name = 'cooldown_days'")
            try await story.give(customer, to: b)
            try await story.page("UPDATE crm_customerdistribution SET status = 6 WHERE status = 1")
            try await story.give(customer, to: a)
            try await story.page("UPDATE crm_customer SET consultant_id = \(a)::int WHERE id = \(customer)::int")
            #expect(try await story.broken() == [])
        }
    }

    @Test("a bulk insert with one barred row in it is refused whole")
    func bulk() async throws {
        try await Story.tell { story in
            let (a, _, customer) = try await lostTwice(story)
            let fresh = try await story.customer(of: nil)
            let state = try await sqlState {
                try await story.service(
                    """
                    INSERT INTO crm_customerdistribution (user_id, customer_id, origin)
                    SELECT \(a)::int, id, 'auto' FROM unnest(\([fresh, customer])::int[]) id
                    """)
            }
            #expect(state == refused)
            #expect(try await story.state(fresh).hasSuffix("|"))
        }
    }

    @Test("what a page leaves half done is mended after a minute, and not before")
    func mended() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00:00")
            let (a, b) = (try await story.seller(), try await story.seller("乙"))
            let ended = try await story.customer(of: a)
            let open = try await story.customer(of: nil)
            let bare = try await story.number(
                "INSERT INTO crm_customer (qq, name, consultant_id) VALUES ('10001', '客户', \(a)::int) RETURNING id")
            try await story.page("UPDATE crm_customerdistribution SET status = 3 WHERE customer_id = \(ended)::int")
            try await story.give(open, to: b)
            #expect(try await story.broken() == [])
            #expect(try await story.number("SELECT paidan.mend_written()") == 0)
            try await story.at("2018-05-19 10:10")
            let half = ["I2: customer \(ended)", "I2: customer \(bare)", "I3: customer \(open)", "I9: distribution 2"]
            #expect(try await story.broken() == half)
            #expect(try await story.number("SELECT paidan.mend_written()") == 3)
            #expect(try await story.state(ended) == "public - 2018-05-19 2018-05-19 2018-05-19 | 1:3:2018-05-19")
            #expect(try await story.state(open) == "pending - - 2018-05-19 - | 2:5:2018-05-19")
            #expect(try await story.state(bare) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            #expect(try await story.number("SELECT paidan.mend_written()") == 0)
            #expect(try await story.broken() == [])
        }
    }
}
