import Postgres
import Testing

@testable import CRM
@testable import PaidanCommand

@Suite struct OffboardAPITests {
    @Test func aSellerLeavesAndHisCustomersFindOthers() async throws {
        try await TestService.with { service in
            var ids: [String] = []
            for name in ["leaver", "stayer"] {
                let token = try await service.token(for: name, roles: ["销售"], seller: true)
                ids.append(try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? "")
            }
            let pool = service.composition.pool
            _ = try await service.ask(
                "PUT", "/v1/ranks",
                "[{\"user_id\": \(ids[0]), \"num\": 2, \"weight\": 9}, {\"user_id\": \(ids[1]), \"num\": 3, \"weight\": 1}]"
            )
            for qq in 910_001...910_003 {
                _ = try await service.ask("POST", "/v1/customers", "{\"qq\": \"\(qq)\", \"name\": \"王小明\"}")
                let all = qq - 910_000
                #expect(
                    try await eventually {
                        try await pool.query("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'")[0]
                            .int(0) == all
                    })
            }
            // leaver: customers 1 and 3, his share; the third of them he lost before.
            let had = try await pool.query(
                "SELECT customer_id FROM crm_customerdistribution WHERE user_id = \(Int(ids[0]) ?? 0)::int ORDER BY id"
            ).map { try $0.int(0) }
            #expect(had.count == 2)

            for token in [try await service.token(for: "leaver"), ""] {
                let refused = try await service.ask("POST", "/v1/users/\(ids[0])/offboard", token: token)
                expectProblem(refused, token.isEmpty ? 401 : 403)
            }
            let clerk = try await service.token(for: "clerk", roles: ["运营"])
            for id in ["999999", "0", "99999999999"] {
                expectProblem(try await service.ask("POST", "/v1/users/\(id)/offboard", token: clerk), 404)
            }
            let answer = try await service.ask("POST", "/v1/users/\(ids[0])/offboard", token: clerk)
            #expect(answer.status == 202, "\(answer.text)")
            #expect(answer.json["kind"].string == "seller.offboard")
            #expect(answer["location"] == "/v1/jobs/\(answer.json["id"].string ?? "")")
            let job = try await service.job(answer.json["id"].string ?? "", in: "succeeded")
            #expect(job["result"]["customers"].int == 2)
            #expect(
                try await eventually {
                    try await pool.query(
                        "SELECT count(*) FROM crm_customer WHERE consultant_id = \(Int(ids[1]) ?? 0)::int")[0].int(0)
                        == 3
                })
            let statuses = try await pool.query(
                """
                SELECT string_agg(status::text, ',' ORDER BY id) FROM crm_customerdistribution
                WHERE user_id = \(Int(ids[0]) ?? 0)::int
                """)[0].text(0)
            #expect(statuses == "8,8")
            let broken = try await pool.transaction { try Invariants.violations(in: &$0) }
            #expect(broken == [])

            // Again: nothing is left to take, nothing breaks.
            let again = try await service.ask("POST", "/v1/users/\(ids[0])/offboard", token: clerk)
            #expect(again.status == 202)
            let rest = try await service.job(again.json["id"].string ?? "", in: "succeeded")
            #expect(rest["result"]["customers"].int == 0)
            let story = try await service.ask("GET", "/v1/customers/\(had[0])/explain", token: clerk)
            #expect(story.text.contains("离职回收，客户等待重新分配"))
            let audit = try await pool.query(
                """
                SELECT string_agg(action || ' ' || split_part(actor, ':', 1), ',' ORDER BY id) FROM paidan.audit_log
                WHERE entity = 'crm_userinfo' AND entity_id = \(ids[0])
                """)[0].text(0)
            #expect(
                audit == "user.offboard user,seller.offboard job,user.offboard user,seller.offboard job")
        }
    }
}
