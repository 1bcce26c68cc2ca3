import JobsPostgres
import Postgres
import TestSupport
import Testing

extension Story {
    /// A database whose tables paidan has made, and which Django has taken for its own; pages run with the role of pages.
    static func besideDjango(_ body: @Sendable (Story) async throws -> Void) async throws {
        let prepare: @Sendable (String) async throws -> Void = { conninfo in
            try await migrate(conninfo)
            try await Django.run(
                """
                manage("makemigrations", "rbac", "crm", "survey", "booking")
                manage("migrate", "--fake-initial")
                from django.contrib.auth.models import User
                User.objects.create_superuser("admin", "", "admin")
                connection.close()
                """, in: conninfo, as: "postgres", by: Django.crm.value)
            try await PostgresPool.with(conninfo, sessions: 1) { pool in
                for statement in Django.rights { _ = try await pool.query(statement) }
            }
        }
        try await FreshDatabase.with(template: "django", prepare: prepare) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 2) { pool in
                try await body(Story(pool: pool, conninfo: conninfo))
            }
        }
    }

    /// Runs the code of a page; what its last line gives.
    @discardableResult
    func django(_ code: String) async throws -> String {
        try await Django.run(code, in: conninfo, by: Django.crm.value)
    }

    /// What Django raises for the code of a page, `IntegrityError 23PD1`, or "" if nothing.
    func djangoError(_ code: String) async throws -> String {
        do {
            try await django(code)
            return ""
        } catch let error as Django.Failure {
            return error.type + " " + (error.state ?? "-")
        }
    }
}

/// How Django shows a refusal of the database.
let barred = "IntegrityError 23PD1"

/// Sellers 1 甲, 2 乙, 3 丙 are `a`, `b`, `x`; it is 10:00 on 2018-05-19.
func besideDjango(_ body: @Sendable (Story) async throws -> Void) async throws {
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
