import Postgres
import TestSupport
import Testing

@Suite("Pages of Django hand customers out, take and lose them")
struct PageTests {
    @Test("entered, the customer first: private at once; the distribution within the minute, or from the reconciler")
    func customerFirst() async throws {
        try await besideDjango { story in
            try await story.django("add('1', a)")
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.django("c = Customer.objects.create(qq='2', name='客户', gender=1, consultant=b)")
            #expect(try await story.state(2) == "private 2 2018-05-19 2018-05-19 - |")
            try await story.at("2018-05-19 10:00:20")
            #expect(try await story.number("SELECT paidan.mend_written()") == 0)
            #expect(try await story.broken() == [])
            try await story.at("2018-05-19 10:10")
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
            try await story.at("2018-05-19 10:10")
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
            try await story.at("2018-05-30 10:10")
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
