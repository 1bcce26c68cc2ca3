import Postgres
import TestSupport
import Testing

@Suite("What pages of Django leave behind is mended after a minute")
struct RandomPageTests {
    @Test("random pages, stale objects among them, beside the service and through the weeks: every invariant holds")
    func random() async throws {
        let seed = Int.random(in: 0...1_000_000)
        try await besideDjango { story in
            try await story.django("import play; staff = play.Staff(\(seed), today)")
            var day = 19
            for step in 0..<12 {
                day += [0, 0, 1, 1, 2, 5, 16][(seed + step * step) % 7]
                try await story.at("2018-05-01 10:00", days: day)
                try await story.django("staff.work(12)")
                if (seed + step).isMultiple(of: 2) {
                    try await story.service("SELECT paidan.expire_customer(id) FROM crm_customer WHERE id % 2 = 0")
                }
                try await give(story)
                try await story.at("2018-05-01 10:10", days: day)
                _ = try await story.number("SELECT paidan.mend_written()")
                #expect(try await story.broken() == [], "seed \(seed), step \(step)")
                #expect(try await story.number("SELECT paidan.mend_written()") == 0, "seed \(seed), step \(step)")
            }
        }
    }

    /// The service gives seller 2 what he may have.
    private func give(_ story: Story) async throws {
        try await story.service(
            """
            WITH free AS (
                SELECT id FROM crm_customer c WHERE pool_state IN ('public', 'pending') AND NOT paidan.is_barred(id, 2)
                    AND NOT EXISTS (
                        SELECT FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 1)
                ORDER BY id LIMIT 2
            ), given AS (
                UPDATE crm_customer SET consultant_id = 2, pool_since = NULL, recv_date = paidan.today(),
                    last_consult_date = paidan.today() WHERE id IN (SELECT id FROM free) RETURNING id
            )
            INSERT INTO crm_customerdistribution (user_id, customer_id, origin) SELECT 2, id, 'grab' FROM given
            """)
    }

    @Test("an open distribution of somebody else than an enrolled customer's consultant becomes 5")
    func enrolled() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a); c.status = 1; c.save(); give(c, b)")
            try await story.at("2018-05-19 10:10")
            #expect(try await story.broken() == ["I3: customer 1"])
            #expect(try await story.number("SELECT paidan.mend_written()") == 1)
            #expect(
                try await story.state(1) == "closed 1 2018-05-19 2018-05-19 - | 1:2:2018-05-19 2:5:2018-05-19")
        }
    }

    @Test("no distribution is made on a day to come: the follow-up would be there in advance")
    func postdated() async throws {
        try await besideDjango { story in
            try await story.django(
                """
                c = Customer.objects.create(qq="1", name="客户", gender=1, consultant=a)
                d = CustomerDistribution.objects.create(customer=c, user=a, ctime=date(2030, 1, 1))
                """)
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            #expect(try await story.text("SELECT ctime FROM crm_customerdistribution") == "2018-05-19")
            #expect(try await story.djangoError("d.refresh_from_db(); d.ctime = date(2018, 6, 1); d.save()") == barred)
            try await story.django("d.ctime = date(2018, 5, 1); d.save()")
        }
    }
}
