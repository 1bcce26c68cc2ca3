import Testing

@Suite("What a page writes about the owner of a customer")
struct OwnerTests {
    @Test("a customer inserted with a consultant is private at once, with its dates")
    func inserted() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let customer = try await story.number(
                """
                INSERT INTO crm_customer (qq, name, gender, source, status, consultant_id, date, last_consult_date)
                VALUES ('10001', '客户', 1, 1, 2, \(seller)::int, '2018-05-19', '2018-05-19') RETURNING id
                """)
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-19 - |")
            #expect(try await story.broken() == [])
            try await story.give(customer, to: seller)
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            #expect(try await story.text("SELECT origin FROM crm_customerdistribution") == "crm")
            #expect(try await story.state(story.customer(of: nil)).hasPrefix("pending -"))
        }
    }

    @Test("another consultant: the old row becomes 5, new clocks unless the page set them")
    func moved() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let (a, b) = (try await story.seller(), try await story.seller("乙"))
            let (one, two) = (try await story.customer(of: a), try await story.customer(of: a))
            try await story.at("2018-05-21 10:00")
            try await story.page("UPDATE crm_customer SET consultant_id = \(b)::int WHERE id = \(one)::int")
            #expect(try await story.state(one) == "private 2 2018-05-21 2018-05-21 - | 1:5:2018-05-21")
            try await story.give(one, to: b)
            #expect(try await story.state(one) == "private 2 2018-05-21 2018-05-21 - | 1:5:2018-05-21 2:1:-")
            try await story.page(
                """
                UPDATE crm_customer SET consultant_id = \(b)::int, recv_date = '2018-05-20', last_consult_date = '2018-05-20'
                WHERE id = \(two)::int
                """)
            #expect(try await story.state(two) == "private 2 2018-05-20 2018-05-20 - | 1:5:2018-05-21")
            try await story.give(two, to: b)
            #expect(try await story.state(two) == "private 2 2018-05-20 2018-05-21 - | 1:5:2018-05-21 2:1:-")
            #expect(try await story.broken() == [])
        }
    }

    @Test("a page's grab of an overdue customer expires the old owner first")
    func grabbed() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let (a, b) = (try await story.seller(), try await story.seller("乙"))
            let (one, two) = (try await story.customer(of: a), try await story.customer(of: a))
            try await story.at("2018-05-30 10:00")
            try await story.page(
                """
                UPDATE crm_customer SET consultant_id = \(b)::int, recv_date = '2018-05-30', last_consult_date = '2018-05-30'
                WHERE id = \(one)::int
                """)
            try await story.give(one, to: b)
            #expect(try await story.state(one) == "private 2 2018-05-30 2018-05-30 - | 1:3:2018-05-23 2:1:-")
            // The other order: distribution first.
            try await story.give(two, to: b)
            try await story.page("UPDATE crm_customer SET consultant_id = \(b)::int WHERE id = \(two)::int")
            #expect(try await story.state(two) == "private 2 2018-05-30 2018-05-30 - | 1:3:2018-05-23 2:1:-")
            #expect(try await story.broken() == [])
        }
    }

    @Test("the owner cannot bring back an overdue customer by later dates; other edits leave it to the sweep")
    func dodged() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let customer = try await story.customer(of: seller)
            try await story.at("2018-05-30 10:00")
            try await story.page("UPDATE crm_customer SET company = '公司'")
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.page("UPDATE crm_customer SET recv_date = '2018-05-30', last_consult_date = '2018-05-30'")
            #expect(try await story.state(customer) == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23")
            #expect(try await story.broken() == [])
        }
    }

    @Test("no consultant any more: 6, or expired; the customer is public")
    func released() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let (one, two) = (try await story.customer(of: seller), try await story.customer(of: seller))
            try await story.at("2018-05-20 10:00")
            try await story.page("UPDATE crm_customer SET consultant_id = NULL WHERE id = \(one)::int")
            #expect(try await story.state(one) == "public - 2018-05-19 2018-05-19 2018-05-20 | 1:6:2018-05-20")
            try await story.at("2018-06-20 10:00")
            try await story.page("UPDATE crm_customer SET consultant_id = NULL WHERE id = \(two)::int")
            #expect(try await story.state(two) == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23")
            #expect(try await story.broken() == [])
        }
    }

    @Test("enrolled: the open row becomes 2, late a row of its own; back only with an open row")
    func enrolled() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let (one, late) = (try await story.customer(of: seller), try await story.customer(of: seller))
            try await story.page("UPDATE crm_customer SET status = 1 WHERE id = \(one)::int")
            #expect(try await story.state(one) == "closed 1 2018-05-19 2018-05-19 - | 1:2:2018-05-19")
            try await story.page("UPDATE crm_customer SET status = 1 WHERE id = \(one)::int")
            #expect(
                try await sqlState {
                    try await story.page("UPDATE crm_customer SET status = 2 WHERE id = \(one)::int")
                } == refused)
            try await story.give(one, to: seller)
            try await story.page("UPDATE crm_customer SET status = 2 WHERE id = \(one)::int")
            #expect(try await story.state(one) == "private 1 2018-05-19 2018-05-19 - | 1:2:2018-05-19 1:1:-")
            try await story.at("2018-05-30 10:00")
            try await story.page("UPDATE crm_customer SET status = 1 WHERE id = \(late)::int")
            #expect(
                try await story.state(late) == "closed 1 2018-05-19 2018-05-19 - | 1:3:2018-05-23 1:2:2018-05-30")
            #expect(try await story.broken() == [])
        }
    }

    @Test("last_consult_date never goes down while the owner is the same, whoever writes")
    func clock() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let customer = try await story.customer(of: story.seller())
            try await story.page("UPDATE crm_customer SET last_consult_date = '2018-05-01'")
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.service("UPDATE crm_customer SET last_consult_date = '2018-05-01'")
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
        }
    }

    @Test("each update is a new version; a page's write is marked, the service's is not")
    func marks() async throws {
        try await Story.tell { story in
            let seller = try await story.seller()
            try await story.service("INSERT INTO crm_customer (qq, name) VALUES ('10001', '客户')")
            let marks: SQL = "SELECT version || ' ' || (external_write_at IS NOT NULL) FROM crm_customer"
            #expect(try await story.text(marks) == "1 false")
            try await story.service("UPDATE crm_customer SET company = 'a'")
            #expect(try await story.text(marks) == "2 false")
            try await story.service("UPDATE crm_customer SET company = 'b', version = version + 1")
            #expect(try await story.text(marks) == "3 false")
            try await story.page("UPDATE crm_customer SET version = 1, consultant_id = \(seller)::int")
            #expect(try await story.text(marks) == "4 true")
        }
    }
}
