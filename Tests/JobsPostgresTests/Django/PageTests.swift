import Postgres
import Testing

/// Sellers 1 甲, 2 乙, 3 丙 are `a`, `b`, `x`; it is 10:00 on 2018-05-19.
private func besideDjango(_ body: @Sendable (Story) async throws -> Void) async throws {
    try await Story.besideDjango { story in
        try await story.at("2018-05-19 10:00")
        try await story.django(
            """
            a, b, x = (UserInfo.objects.create(name=n, username=n, depart_id=1001) for n in "甲乙丙")

            def add(qq, seller=None, **more):
                if seller: more["recv_date"] = today()
                c = Customer.objects.create(qq=qq, name="客户", gender=1, consultant=seller, **more)
                if seller: CustomerDistribution.objects.create(customer=c, user=seller, ctime=today())
                return Customer.objects.get(pk=c.pk)

            def give(c, seller):
                return CustomerDistribution.objects.create(customer=c, user=seller, ctime=today())

            def take(c, seller):
                c.consultant, c.recv_date, c.last_consult_date = seller, today(), today()
                c.save()
            """)
        try await body(story)
        #expect(try await story.broken() == [])
    }
}

private let barred = "IntegrityError 23PD1"

@Suite("Pages of Django hand customers out, take and lose them")
struct PageTests {
    @Test("entered, the customer first: private at once; the distribution within the minute, or from the reconciler")
    func customerFirst() async throws {
        try await besideDjango { story in
            try await story.django("add('1', a)")
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.django("c = Customer.objects.create(qq='2', name='客户', gender=1, consultant=b)")
            #expect(try await story.state(2) == "private 2 2018-05-19 2018-05-19 - |")
            try await story.at("2018-05-19 10:00:59")
            #expect(try await story.number("SELECT paidan.mend_written()") == 0)
            #expect(try await story.broken() == [])
            try await story.at("2018-05-19 10:01:01")
            #expect(try await story.broken() == ["I2: customer 2"])
            #expect(try await story.number("SELECT paidan.mend_written()") == 1)
            #expect(try await story.state(2) == "private 2 2018-05-19 2018-05-19 - | 2:1:-")
            #expect(
                try await story.text("SELECT string_agg(DISTINCT origin, ' ') FROM crm_customerdistribution") == "crm")
            // The page that comes too late with its own is told so.
            #expect(try await story.djangoError("give(c, b)") == "IntegrityError 23505")
        }
    }

    @Test("entered, the distribution first; without a consultant it stays pending")
    func distributionFirst() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1'); give(c, a).pk")
            #expect(try await story.state(1) == "pending - - 2018-05-19 - | 1:1:-")
            try await story.django("take(c, a); d = add('2'); give(d, b).pk")
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.at("2018-05-19 10:01:01")
            #expect(try await story.number("SELECT paidan.mend_written()") > 0)
            #expect(try await story.state(2) == "pending - - 2018-05-19 - | 2:5:2018-05-19")
        }
    }

    @Test("grabbed in two writes, in both orders, and with the second missing")
    func grabbed() async throws {
        try await besideDjango { story in
            try await story.django("for n in '1234': add(n, a)")
            try await story.at("2018-05-30 10:00")
            try await story.django(
                """
                one, two, three, four = Customer.objects.order_by("id")
                take(one, b); give(one, b)
                give(two, b); take(two, b)
                take(three, b)
                give(four, b)
                """)
            let taken = "private 2 2018-05-30 2018-05-30 - | 1:3:2018-05-23"
            #expect(try await story.state(1) == taken + " 2:1:-")
            #expect(try await story.state(2) == taken + " 2:1:-")
            #expect(try await story.state(3) == taken)
            #expect(try await story.state(4) == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23 2:1:-")
            try await story.at("2018-05-30 10:01:01")
            #expect(try await story.number("SELECT paidan.mend_written()") == 2)
            #expect(try await story.state(3) == taken + " 2:1:-")
            // Nobody was made its consultant: it is still in the pool, and he may take it.
            #expect(
                try await story.state(4)
                    == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23 2:5:2018-05-30")
            try await story.django("take(four, b); give(four, b)")
            #expect(try await story.state(4).hasSuffix("1:3:2018-05-23 2:5:2018-05-30 2:1:-"))
        }
    }

    @Test("a former owner's grab is refused, in words, and so is a second open distribution")
    func refused() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a)")
            #expect(try await story.djangoError("give(c, b)") == "IntegrityError 23505")
            try await story.at("2018-05-30 10:00")
            try await story.django("c.consultant = None; c.save()")
            let lost = "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23"
            #expect(try await story.state(1) == lost)
            for page in ["take(c, a)", "give(c, a)", "Customer.objects.update(consultant=a)"] {
                #expect(try await story.djangoError(page) == barred, "\(page)")
            }
            do {
                try await story.django("take(c, a)")
                Issue.record("taken")
            } catch let error as Django.Failure {
                #expect(error.text.hasPrefix("user 1 had customer 1 before and may not have it again\n"))
                #expect(error.hint == "A manager may transfer it through paidan.")
            }
            #expect(try await story.state(1) == lost)
        }
    }

    @Test("a page that expires on viewing finds the same day as the sweep, in both orders, as often as it likes")
    func viewed() async throws {
        try await besideDjango { story in
            try await story.django("for n in '123': add(n, a)")
            try await story.at("2018-05-30 10:00")
            try await story.django(
                """
                late = dict(last_consult_date__lt=today() - timedelta(3), consultant__isnull=False)
                for d in CustomerDistribution.objects.filter(customer__in=[1, 3], status=1).select_related("customer"):
                    d.status = 3; d.save(); d.save()
                    d.customer.consultant = None; d.customer.save(); d.customer.save()
                for c in Customer.objects.filter(**late):
                    c.consultant = None; c.save()
                    c.dealers.filter(status=1).update(status=4)
                """)
            for id in 1...3 {
                #expect(try await story.state(id) == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23")
            }
        }
    }

    @Test("written many at a time: bulk_create, QuerySet.update")
    func bulk() async throws {
        try await besideDjango { story in
            try await story.django(
                """
                made = Customer.objects.bulk_create(
                    [Customer(qq=str(n), name="客户", gender=1, consultant=[None, a, b][n]) for n in range(3)])
                CustomerDistribution.objects.bulk_create(
                    [CustomerDistribution(customer=c, user=c.consultant, ctime=today()) for c in made if c.consultant])
                """)
            #expect(try await story.state(1) == "pending - - 2018-05-19 - |")
            #expect(try await story.state(2) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.at("2018-05-21 10:00")
            try await story.django("Customer.objects.filter(consultant__isnull=False).update(consultant=x)")
            #expect(try await story.state(3) == "private 3 2018-05-21 2018-05-21 - | 2:5:2018-05-21")
            try await story.django("Customer.objects.filter(consultant=x).update(consultant=None)")
            #expect(try await story.state(3).hasPrefix("public - "))
            try await story.django("Customer.objects.update(status=1)")
            #expect(try await story.state(1) == "closed - - 2018-05-19 - |")
        }
    }

    @Test("a deal in two writes, in both orders, each twice; back only with an open distribution")
    func deals() async throws {
        try await besideDjango { story in
            try await story.django(
                """
                one, two = add("1", a), add("2", a)
                one.status = 1; one.save(); one.save()
                d = one.dealers.get(); d.status = 2; d.save(); d.save()
                d = two.dealers.get(); d.status = 2; d.save(); d.memo = "备注"; d.save()
                two.status = 1; two.save(); two.save(update_fields=["status"])
                """)
            for id in 1...2 {
                #expect(try await story.state(id) == "closed 1 2018-05-19 2018-05-19 - | 1:2:2018-05-19")
            }
            for page in [
                "one.status = 2; one.save()", "d.refresh_from_db(); d.status = 1; d.save()",
                "d.refresh_from_db(); d.user = b; d.save()",
            ] {
                #expect(try await story.djangoError(page) == barred, "\(page)")
            }
            try await story.django("give(one, a); one.status = 2; one.save()")
            #expect(
                try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:2:2018-05-19 1:1:-")
        }
    }

    @Test("notes: by the owner, by somebody else, without a word, on an overdue customer")
    func notes() async throws {
        try await besideDjango { story in
            try await story.django("c = add('1', a); say = ConsultRecord.objects.create")
            try await story.at("2018-05-21 10:00")
            try await story.django(
                "say(customer=c, consultant=b, note='聊过'); say(customer=c, consultant=a, note=' \\u3000')")
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            #expect(try await story.django("say(customer=c, consultant=a, note='聊过').pk") == "3")
            // The page saves the object that it had read before.
            try await story.django("c.company = '公司'; c.save()")
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-21 - | 1:1:-")
            #expect(try await story.text("SELECT company FROM crm_customer") == "公司")
            try await story.at("2018-05-25 00:00:00")
            #expect(try await story.django("say(customer=c, consultant=a, note='晚了').pk") == "4")
            #expect(try await story.state(1) == "public - 2018-05-19 2018-05-21 2018-05-25 | 1:3:2018-05-25")
            #expect(try await story.djangoError("c.last_consult_date = today(); c.save()") == barred)
            #expect(try await story.number("SELECT count(*) FROM crm_consultrecord") == 4)
        }
    }
}

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
                try await story.text("SELECT string_agg(kind || args, ' ') FROM paidan.outbox")
                    == #"seller.offboard{"user_id" : 1}"#)
        }
    }
}
