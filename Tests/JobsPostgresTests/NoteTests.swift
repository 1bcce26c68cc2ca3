import Testing

@Suite("A note of a page moves the clock of its customer")
struct NoteTests {
    @Test("by the owner: to today, whatever date the row carries")
    func owner() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let customer = try await story.customer(of: seller)
            try await story.at("2018-05-22 23:59:59")
            #expect(try await story.note(customer, by: seller, on: "2018-05-01") > 0)
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-22 - | 1:1:-")
            try await story.at("2018-05-25 23:59")
            _ = try await story.note(customer, by: seller, on: "2030-01-01")
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-25 - | 1:1:-")
            #expect(try await story.broken() == [])
        }
    }

    @Test("on an overdue customer it is kept, the distribution ends, the clock does not move")
    func overdue() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let customer = try await story.customer(of: seller)
            try await story.at("2018-05-30 00:00:00")
            #expect(try await story.note(customer, by: seller) > 0)
            #expect(try await story.state(customer) == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23")
            // The page goes on with the object it had loaded: refused, as the database has moved on.
            #expect(
                try await sqlState {
                    try await story.page("UPDATE crm_customer SET consultant_id = 1, last_consult_date = '2018-05-30'")
                } == refused)
            #expect(try await story.broken() == [])
        }
    }

    @Test("by somebody else, or without a visible character: kept, and moves nothing")
    func ignored() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let other = try await story.seller("乙")
            let customer = try await story.customer(of: seller)
            try await story.at("2018-05-21 10:00")
            #expect(try await story.note(customer, by: other) > 0)
            #expect(try await story.note(customer, by: seller, " \t\u{3000}\u{200b}") > 0)
            #expect(try await story.note(story.customer(of: nil), by: other) > 0)
            #expect(try await story.state(customer) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
        }
    }

    /// Vectors of the business rules: assigned, last follow-up, day of the next note, and what it meets.
    @Test(
        "expiry comes first, by the earlier deadline",
        arguments: [
            ("2018-05-19", "2018-05-19", "2018-05-22", "private"), ("2018-05-19", "2018-05-19", "2018-05-23", "3:2018-05-23"),
            ("2018-05-19", "2018-05-19", "2018-05-30", "3:2018-05-23"), ("2018-05-19", "2018-06-02", "2018-06-03", "private"),
            ("2018-05-19", "2018-06-03", "2018-06-04", "4:2018-06-04"), ("2018-05-01", "2018-05-13", "2018-05-17", "4:2018-05-17"),
            ("2018-05-01", "2018-05-12", "2018-05-16", "3:2018-05-16"), ("2024-02-26", "2024-02-26", "2024-02-29", "private"),
            ("2024-02-26", "2024-02-26", "2024-03-01", "3:2024-03-01"), ("2025-12-30", "2025-12-30", "2026-01-02", "private"),
            ("2025-12-30", "2025-12-30", "2026-01-03", "3:2026-01-03"),
        ])
    func vectors(assigned: String, last: String, day: String, result: String) async throws {
        try await Story.tell { story in
            try await story.at(assigned + " 09:00")
            let seller = try await story.seller()
            let customer = try await story.customer(of: seller)
            try await story.page("UPDATE crm_customer SET last_consult_date = \(last)::date WHERE id = \(customer)::int")
            try await story.at(day + " 00:00:00")
            _ = try await story.note(customer, by: seller)
            let state = try await story.state(customer)
            #expect(result == "private" ? state.hasPrefix("private 1 \(assigned) \(day)") : state.hasSuffix("1:" + result))
        }
    }

    @Test("a protected customer does not expire before the day after its protection")
    func protected() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let customer = try await story.customer(of: seller)
            try await story.service("UPDATE crm_customer SET protected_until = '2018-06-30'")
            try await story.at("2018-06-30 23:59")
            _ = try await story.note(customer, by: seller)
            #expect(try await story.state(customer).hasPrefix("private 1 2018-05-19 2018-06-30"))
            try await story.at("2018-07-01 00:00")
            _ = try await story.note(customer, by: seller)
            #expect(try await story.state(customer).hasSuffix("1:4:2018-07-01"))
        }
    }

    @Test("with the work day clock only work days count")
    func workdays() async throws {
        try await Story.tell { story in
            try await story.page("UPDATE paidan.setting SET value = 'workday' WHERE name = 'clock'")
            // Monday the 18th of June 2018 was a holiday.
            try await story.page("INSERT INTO paidan.work_calendar VALUES ('2018-06-18', false), ('2018-06-17', true)")
            let last = try await story.text("SELECT paidan.last_day('2018-06-15', 3)")
            #expect(last == "2018-06-20")
        }
    }
}
