import Postgres
import Testing

@testable import CRM
@testable import PaidanCommand

/// Every endpoint that changes business data leaves a row in the audit log: who, what, before, after.
@Suite struct AuditWalkTests {
    /// What changes nothing that the audit log is for: the queue is Redis's, an import's batch and rows are its record.
    static let engine: Set<String> = [
        "POST /v1/jobs", "POST /v1/jobs/bulk", "POST /v1/jobs/{id}/retry", "POST /v1/jobs/{id}/cancel",
        "DELETE /v1/jobs/{id}", "POST /v1/queues/{name}/pause", "POST /v1/queues/{name}/resume",
        "POST /v1/schedules/{name}/run", "POST /v1/imports", "POST /v1/sweeps",
    ]

    /// One call of each endpoint: whose token, path and body; and the state that it needs.
    struct Step: Sendable {
        let endpoint: String
        var token = "boss"
        var prepare: SQL?
        var path = ""
        var body: String?
        var headers: [(name: String, value: String)] = []
        /// Nothing was there before.
        var isNew = false
    }

    /// CUSTOMER, OWNER, OTHER and IMPORT stand for ids.
    static let steps = [
        Step(
            endpoint: "POST /v1/customers", path: "/v1/customers", body: #"{"qq": "920009", "name": "王"}"#, isNew: true),
        Step(
            endpoint: "PATCH /v1/customers/{id}", path: "/v1/customers/CUSTOMER", body: #"{"company": "某公司"}"#,
            headers: [("If-Match", "*")]),
        Step(
            endpoint: "POST /v1/customers/{id}/follow-ups", token: "owner", path: "/v1/customers/CUSTOMER/follow-ups",
            body: #"{"note": "聊过"}"#),
        Step(
            endpoint: "POST /v1/customers/{id}/protect", path: "/v1/customers/CUSTOMER/protect",
            body: #"{"until": "2999-01-01"}"#),
        Step(
            endpoint: "POST /v1/customers/{id}/transfer", path: "/v1/customers/CUSTOMER/transfer",
            body: #"{"to": OTHER}"#),
        Step(
            endpoint: "POST /v1/customers/{id}/release", token: "owner", path: "/v1/customers/CUSTOMER/release",
            body: #"{"reason": "太忙"}"#),
        Step(
            endpoint: "POST /v1/customers/{id}/grab", token: "other", prepare: Self.free,
            path: "/v1/customers/CUSTOMER/grab"),
        Step(endpoint: "POST /v1/customers/{id}/deal", token: "owner", path: "/v1/customers/CUSTOMER/deal", body: "{}"),
        Step(
            endpoint: "POST /v1/customers/{id}/payments", path: "/v1/customers/CUSTOMER/payments",
            body: #"{"pay_type": 3, "paid_fee": 1}"#),
        Step(
            endpoint: "POST /v1/customers/{id}/reopen", prepare: Self.close, path: "/v1/customers/CUSTOMER/reopen",
            body: #"{"to": OWNER}"#),
        Step(endpoint: "POST /v1/customers/{id}/to-pool", prepare: Self.wait, path: "/v1/customers/CUSTOMER/to-pool"),
        Step(
            endpoint: "PUT /v1/ranks", path: "/v1/ranks", body: #"[{"user_id": OWNER, "num": 0, "weight": 2}]"#),
        Step(
            endpoint: "POST /v1/absences", path: "/v1/absences",
            body: #"{"user_id": OWNER, "from": "2026-01-01", "to": "2026-01-02"}"#, isNew: true),
        Step(endpoint: "POST /v1/imports/{id}/cancel", path: "/v1/imports/QUEUED/cancel"),
        Step(endpoint: "POST /v1/imports/{id}/undo", path: "/v1/imports/IMPORT/undo"),
        Step(endpoint: "POST /v1/users/{id}/offboard", path: "/v1/users/OTHER/offboard"),
    ]

    private static let close: SQL = """
        WITH ended AS (
            UPDATE crm_customerdistribution SET status = 2, ended_on = paidan.today()
            WHERE status = 1 AND customer_id = (SELECT id FROM crm_customer WHERE qq = '920001')
        ) UPDATE crm_customer SET status = 1 WHERE qq = '920001'
        """
    private static let free: SQL = """
        WITH ended AS (
            UPDATE crm_customerdistribution SET status = 5, ended_on = paidan.today()
            WHERE status = 1 AND customer_id = (SELECT id FROM crm_customer WHERE qq = '920001')
        ) UPDATE crm_customer SET consultant_id = NULL, pool_since = paidan.today() WHERE qq = '920001'
        """
    private static let wait: SQL = """
        WITH ended AS (
            UPDATE crm_customerdistribution SET status = 8, ended_on = paidan.today()
            WHERE status = 1 AND customer_id = (SELECT id FROM crm_customer WHERE qq = '920001')
        ) UPDATE crm_customer SET consultant_id = NULL, pool_since = NULL WHERE qq = '920001'
        """

    @Test func everyWritingEndpointIsKnownAndAudited() async throws {
        try await TestService.with { service in
            let document = try await service.ask("GET", "/openapi.json").json
            var writing: Set<String> = []
            for (path, methods) in document["paths"].members where path.hasPrefix("/v1/") {
                for (method, _) in methods.members where !["get", "head", "parameters"].contains(method) {
                    writing.insert("\(method.uppercased()) \(path)")
                }
            }
            let known = Set(Self.steps.map(\.endpoint))
            #expect(writing.subtracting(known).subtracting(Self.engine) == [], "endpoints that nobody audits")
            #expect(writing.contains("PUT /v1/ranks"))
            for step in Self.steps where writing.contains(step.endpoint) {
                try await expectAudited(step, service)
            }
            let broken = try await service.composition.pool.transaction { try Invariants.violations(in: &$0) }
            #expect(broken == [])
        }
    }

    /// A customer of the owner's, made anew for each step.
    private func customer(_ service: TestService, of owner: String) async throws -> Int {
        let pool = service.composition.pool
        return try await pool.transaction { tx in
            Author.set("test", in: &tx)
            _ = try tx.query("UPDATE crm_customer SET qq = qq || '-' || id WHERE qq = '920001'")
            let id = try tx.query(
                "INSERT INTO crm_customer (qq, name, pool_since) VALUES ('920001', '王', paidan.today()) RETURNING id")[
                    0
                ]
                .int(0)
            try OwnershipStore.give(id, to: Int(owner) ?? 0, .own, in: &tx)
            return id
        }
    }

    private func expectAudited(_ step: Step, _ service: TestService) async throws {
        let pool = service.composition.pool
        var ids: [String: String] = [:]
        for name in ["owner", "other"] {
            let token = try await service.token(for: name, roles: ["销售"], seller: true)
            ids[name] = try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? ""
        }
        let customer = try await customer(service, of: ids["owner"] ?? "")
        if let prepare = step.prepare {
            _ = try await pool.transaction { tx in
                Author.set("test", in: &tx)
                _ = try tx.query(prepare)
            }
        }
        let imports = try await pool.query(
            """
            INSERT INTO paidan.import_batch (state) VALUES ('done'), ('queued') RETURNING id::text
            """
        ).map { try $0.text(0) }
        func filled(_ text: String) -> String {
            text.replacing("CUSTOMER", with: "\(customer)").replacing("OWNER", with: ids["owner"] ?? "")
                .replacing("OTHER", with: ids["other"] ?? "").replacing("IMPORT", with: imports[0])
                .replacing("QUEUED", with: imports[1])
        }
        let last = try await pool.query("SELECT coalesce(max(id), 0) FROM paidan.audit_log")[0].int(0)
        let token = try await service.token(for: step.token)
        let me = try await pool.query("SELECT id FROM rbac_user WHERE username = \(step.token)")[0].int(0)
        let method = String(step.endpoint.prefix { $0 != " " })
        let answer = try await service.ask(
            method, filled(step.path), step.body.map(filled), token: token, headers: step.headers)
        #expect((200..<300).contains(answer.status), "\(step.endpoint): \(answer.text)")
        let rows = try await pool.query(
            """
            SELECT before IS NOT NULL, after IS NOT NULL, coalesce(before, '{}') <> coalesce(after, '{}')
            FROM paidan.audit_log WHERE id > \(last) AND actor = \("user:\(me)") ORDER BY id
            """)
        #expect(!rows.isEmpty, "\(step.endpoint) left no audit row of user:\(me)")
        for row in rows {
            #expect(try row.bool(1), "\(step.endpoint): no after")
            if !step.isNew { #expect(try row.bool(0), "\(step.endpoint): no before") }
            #expect(try row.bool(2), "\(step.endpoint): before is after")
        }
    }
}
