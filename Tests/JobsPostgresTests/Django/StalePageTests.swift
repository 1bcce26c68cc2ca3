import Postgres
import TestSupport
import Testing

@Suite("Pages of Django save stale objects, delete, and see pooled customers")
struct StalePageTests {
    /// What the service does to customer 1: the open distribution ends by `status`, then `owner` has it.
    private func move(_ story: Story, _ status: Int, to owner: Int?, _ origin: String = "manual") async throws {
        try await story.service(
            """
            UPDATE crm_customerdistribution SET status = \(status)::int, ended_on = paidan.today()
            WHERE customer_id = 1 AND status = 1
            """,
            """
            UPDATE crm_customer SET consultant_id = \(owner)::int, status = 2, version = version + 1,
                recv_date = CASE WHEN \(owner)::int IS NULL THEN recv_date ELSE paidan.today() END,
                last_consult_date = CASE WHEN \(owner)::int IS NULL THEN last_consult_date ELSE paidan.today() END,
                pool_since = CASE WHEN \(owner)::int IS NULL THEN paidan.today() END WHERE id = 1
            """,
            """
            INSERT INTO crm_customerdistribution (user_id, customer_id, origin)
            SELECT \(owner)::int, 1, \(origin) WHERE \(owner)::int IS NOT NULL
            """)
    }

    @Test("saved whole after the service moved it to somebody else: it stays his, the other columns are stored")
    func moved() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a)")
            try await story.at("2018-05-21 10:00")
            try await move(story, 5, to: 2)
            try await story.django("c.company = '公司'; c.save()")
            let his = "private 2 2018-05-21 2018-05-21 - | 1:5:2018-05-21 2:1:-"
            #expect(try await story.state(1) == his)
            #expect(try await story.text("SELECT company FROM crm_customer") == "公司")
            // Who reads first and then gives it back means it.
            try await story.django("c.refresh_from_db(); c.consultant = a; c.save()")
            #expect(try await story.state(1) == "private 1 2018-05-21 2018-05-21 - | 1:5:2018-05-21 2:5:2018-05-21")
            try await story.django("give(c, a)")
        }
    }

    @Test("saved whole on the day it was entered and moved: no date tells, it is given back")
    func movedTheSameDay() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a)")
            try await move(story, 5, to: 2)
            try await story.django("c.company = '公司'; c.save(); give(c, a)")
            #expect(
                try await story.state(1)
                    == "private 1 2018-05-19 2018-05-19 - | 1:5:2018-05-19 2:5:2018-05-19 1:1:-")
        }
    }

    @Test("saved whole after its owner lost or released it: refused, whoever has it now", arguments: [3, 4, 6])
    func lost(status: Int) async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a)")
            try await story.at("2018-05-21 10:00")
            try await move(story, status, to: nil)
            #expect(try await story.djangoError("c.company = '公司'; c.save()") == barred)
            try await move(story, status, to: 2, "grab")
            #expect(try await story.djangoError("c.save()") == barred)
            #expect(try await story.state(1).hasPrefix("private 2 2018-05-21 2018-05-21"))
            // Only what it means to change: nothing is refused.
            try await story.django("c.save(update_fields=['company'])")
        }
    }

    @Test("a pooled one saved whole after somebody grabbed it: it stays his")
    func pooled() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a)")
            try await story.at("2018-05-20 10:00")
            try await move(story, 6, to: nil)
            try await story.django("c.refresh_from_db()")
            try await move(story, 0, to: 2, "grab")
            try await story.django("c.company = '公司'; c.save()")
            #expect(try await story.state(1) == "private 2 2018-05-20 2018-05-20 - | 1:6:2018-05-20 2:1:-")
        }
    }

    @Test("a pending one saved whole after it was assigned: no date tells, it is released")
    func assigned() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1')")
            try await move(story, 0, to: 1)
            try await story.django("c.company = '公司'; c.save()")
            #expect(try await story.state(1) == "public - - 2018-05-19 2018-05-19 | 1:6:2018-05-19")
        }
    }

    @Test("saved whole after the deal: refused, the status cannot go back")
    func enrolled() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a)")
            try await story.service(
                "UPDATE crm_customerdistribution SET status = 2", "UPDATE crm_customer SET status = 1")
            #expect(try await story.djangoError("c.company = '公司'; c.save()") == barred)
            #expect(try await story.state(1).hasPrefix("closed 1"))
        }
    }

    @Test("deleted with all that belongs to it: what it was goes to the archive, slots and imports still add up")
    func deleted() async throws {
        try await besideDjango { story in
            try await story.django("add('1', a)")
            try await story.service(
                "INSERT INTO paidan.import_batch (state, rows_read, rows_ok) VALUES ('done', 1, 1)",
                "INSERT INTO paidan.assign_cycle (cycle_no, closed_at) VALUES (1, paidan.now())",
                "INSERT INTO paidan.assign_quota VALUES (1, 1, 1, 1)",
                """
                INSERT INTO crm_customer (qq, name, consultant_id, recv_date, import_id)
                VALUES ('2', '客户', 1, paidan.today(), 1)
                """,
                "INSERT INTO crm_customerdistribution (user_id, customer_id, origin) VALUES (1, 2, 'auto')",
                """
                INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, customer_id, distribution_id)
                VALUES (1, 1, 1, 'used', 2, 2)
                """)
            #expect(try await story.broken() == [])
            let gone = try await story.django(
                """
                c = Customer.objects.get(pk=2)
                ConsultRecord.objects.create(customer=c, consultant=a, note="聊过")
                Customer.objects.filter(pk=1).update(referral_from=c)
                sorted(c.delete()[1].items())
                """)
            #expect(
                gone == #"[["crm.ConsultRecord", 1], ["crm.Customer", 2], ["crm.CustomerDistribution", 2]]"#)
            #expect(try await story.broken() == [])
            #expect(
                try await story.text(
                    "SELECT string_agg(origin || why, ' ' ORDER BY id) FROM paidan.distribution_archive")
                    == "crmforgotten autoforgotten")
        }
    }

    @Test("an open distribution deleted by itself is there again after a minute")
    func deletedAlone() async throws {
        try await besideDjango { story in
            try await story.django("add('1', a).dealers.get().delete()")
            try await story.at("2018-05-19 10:10")
            #expect(try await story.number("SELECT paidan.mend_written()") == 1)
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
        }
    }

    @Test("a deleted person takes his customers along, as the models say, and his caps")
    func deletedPerson() async throws {
        try await besideDjango { story in
            try await story.django("add('1', x); SaleRank.objects.create(user=x, num=3, weight=1)")
            try await story.page("INSERT INTO paidan.rank_limit VALUES (3, 5, 5)")
            try await story.django("x.delete()")
            #expect(try await story.state(1) == "gone")
            #expect(try await story.number("SELECT count(*) FROM paidan.rank_limit") == 0)
        }
    }

    @Test("shares of a page count; a second share of one seller is refused; who leaves the department is offboarded")
    func people() async throws {
        try await besideDjango { story in
            let version: SQL = "SELECT value::int FROM paidan.setting WHERE name = 'rank_version'"
            let before = try await story.number(version)
            try await story.django("r = SaleRank.objects.create(user=a, num=3, weight=1); r.num = 5; r.save()")
            #expect(try await story.number(version) == before + 2)
            #expect(
                try await story.djangoError("SaleRank.objects.create(user=a, num=1, weight=1)")
                    == "IntegrityError 23505")
            #expect(try await story.djangoError("r.num = -1; r.save()") == "IntegrityError 23514")
            try await story.django(
                """
                Department.objects.create(title="财务", code=1002)
                a.depart_id = 1002; a.save(); a.save()
                b.name = "乙二"; b.save()
                """)
            #expect(
                try await story.text("SELECT string_agg(kind || ' ' || (args ->> 'user_id'), ', ') FROM paidan.outbox")
                    == "seller.offboard 1")
        }
    }
}
