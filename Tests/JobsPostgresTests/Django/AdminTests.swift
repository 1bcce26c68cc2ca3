import Postgres
import Testing

@Suite("The admin of Django over HTTP")
struct AdminTests {
    /// Customers 1 of seller 1 甲, 2 in the pool, 3 pending; `w` is a browser of the administrator.
    private func admin(_ body: @Sendable (Story) async throws -> Void) async throws {
        try await Story.besideDjango { story in
            try await story.at("2018-05-19 10:00")
            try await story.django(
                """
                import django.contrib.auth.models, django.forms.models
                a, b = (UserInfo.objects.create(name=n, username=n, depart_id=1001) for n in "甲乙")
                for n in "12":
                    c = Customer.objects.create(qq=n, name="客户" + n, gender=1, consultant=a, recv_date=today())
                    CustomerDistribution.objects.create(customer=c, user=a, ctime=today())
                c.consultant = None; c.save()
                Customer.objects.create(qq="3", name="客户3", gender=1)
                w = Client()
                w.force_login(django.contrib.auth.models.User.objects.get())

                def found(query):
                    return w.get("/admin/crm/" + query).context_data["cl"].result_count

                def edit(model, pk, **changes):
                    form = {k: v for k, v in django.forms.models.model_to_dict(model.objects.get(pk=pk)).items()
                            if v is not None and k not in ("id", "course")}
                    return w.post(f"/admin/crm/{model.__name__.lower()}/{pk}/change/", form | changes).status_code
                """)
            try await body(story)
            #expect(try await story.broken() == [])
        }
    }

    @Test("lists, search and filters show pooled and pending customers too")
    func lists() async throws {
        try await admin { story in
            let found = try await story.django(
                """
                [found(q) for q in ["customer/", "customer/?q=客户", "customer/?q=客户2", "customer/?q=甲",
                    "customer/?status__exact=2", "customer/?consultant__id__exact=1", "customer/?consultant__isnull=True",
                    "customer/?o=4.-1", "customerdistribution/", "customerdistribution/?status__exact=6",
                    "customerdistribution/?q=甲", "salerank/", "consultrecord/", "userinfo/"]]
                """)
            #expect(found == "[3, 3, 1, 1, 3, 1, 2, 3, 2, 1, 2, 0, 0, 2]")
            let shown = try await story.django(
                """
                [w.get("/admin/crm/" + p).status_code for p in ["customer/2/change/", "customer/1/delete/",
                    "customerdistribution/2/change/", "customer/add/", "customer/1/history/"]]
                """)
            #expect(shown == "[200, 200, 200, 200, 200]")
        }
    }

    @Test("forms: to another, to nobody, a deal, a distribution; what the rules forbid is refused")
    func forms() async throws {
        try await admin { story in
            #expect(try await story.django("edit(Customer, 1, company='公司')") == "302")
            #expect(try await story.state(1) == "private 1 2018-05-19 2018-05-19 - | 1:1:-")
            try await story.at("2018-05-21 10:00")
            #expect(try await story.django("edit(Customer, 1, consultant=2)") == "302")
            #expect(try await story.state(1) == "private 2 2018-05-21 2018-05-21 - | 1:5:2018-05-21")
            let add =
                "w.post('/admin/crm/customerdistribution/add/', dict(user=2, customer=1, ctime='2018-05-21', status=1))"
            #expect(try await story.django(add + ".status_code") == "302")
            #expect(try await story.state(1).hasSuffix("1:5:2018-05-21 2:1:-"))
            #expect(try await story.djangoError(add) == "IntegrityError 23505")
            #expect(try await story.djangoError("edit(Customer, 2, consultant=1)") == "IntegrityError 23PD1")
            #expect(try await story.django("edit(CustomerDistribution, 3, status=3, memo='早')") == "302")
            #expect(try await story.django("edit(CustomerDistribution, 3, memo='晚')") == "302")
            #expect(
                try await story.djangoError("edit(CustomerDistribution, 3, status=1)") == "IntegrityError 23PD1")
            #expect(try await story.django("edit(Customer, 1, consultant='')") == "302")
            #expect(try await story.state(1).hasPrefix("public - 2018-05-21 2018-05-21 2018-05-21 |"))
            #expect(try await story.django("edit(Customer, 2, status=1)") == "302")
            #expect(try await story.state(2).hasPrefix("closed -"))
        }
    }

    @Test("deleting a customer lists what goes with it, and it goes")
    func deleted() async throws {
        try await admin { story in
            try await story.django("ConsultRecord.objects.create(customer_id=1, consultant=a, note='聊过')")
            #expect(
                try await story.django(
                    """
                    page = w.get("/admin/crm/customer/1/delete/").content.decode()
                    ["ConsultRecord" in page or "consult record" in page, "distribution" in page,
                     w.post("/admin/crm/customer/1/delete/", {"post": "yes"}).status_code]
                    """) == "[true, true, 302]")
            #expect(try await story.state(1) == "gone")
            #expect(try await story.number("SELECT count(*) FROM paidan.distribution_archive") == 1)
        }
    }
}
