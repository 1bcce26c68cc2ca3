import CRM
import Postgres
import Testing

@testable import PaidanCommand

/// Customers of one test of deals, and what happens to them without a request.
extension TestService {
    /// A customer who belongs to the caller.
    func customer(of token: String) async throws -> String {
        let qq = Int.random(in: 10_000_000_000...99_999_999_999)
        let made = try await ask(
            "POST", "/v1/customers", "{\"qq\": \"\(qq)\", \"name\": \"王小明\", \"assign\": \"self\"}", token: token)
        #expect(made.status == 201, "\(made.text)")
        return try #require(made.json["id"].string)
    }

    /// Its last day is over, and no sweep has met it.
    func makeOverdue(_ customer: String) async throws {
        try await composition.pool.transaction { tx in
            Author.set("test", in: &tx)
            _ = try tx.query(
                "UPDATE crm_customer SET recv_date = recv_date - 40 WHERE id = \(Int(customer) ?? 0)::bigint")
        }
    }

    func state(of customer: String) async throws -> String? {
        try await ask("GET", "/v1/customers/\(customer)").json["pool_state"].string
    }

    /// A class that somebody may join.
    func classList() async throws -> Int {
        try await composition.pool.query(
            """
            WITH school AS (INSERT INTO crm_school (title) VALUES ('总校') RETURNING id),
                course AS (INSERT INTO crm_course (name) VALUES ('课') RETURNING id),
                tutor AS (INSERT INTO crm_userinfo (name, username, depart_id) VALUES ('师', '师', 1000) RETURNING id)
            INSERT INTO crm_classlist (school_id, course_id, semester, price, start_date, tutor_id)
            SELECT school.id, course.id, 1, 1, paidan.today(), tutor.id FROM school, course, tutor RETURNING id
            """)[0].int(0)
    }

    /// 销售, with a row of his own.
    func seller(_ name: String) async throws -> String { try await token(for: name, roles: ["销售"], seller: true) }

    /// 运营, who is no seller.
    func clerk() async throws -> String { try await token(for: "clerk of deals", roles: ["运营"]) }
}
