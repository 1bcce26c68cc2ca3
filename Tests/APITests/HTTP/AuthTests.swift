import CRM
import Postgres
import TestSupport
import Testing

@testable import PaidanCommand

@Suite struct AuthTests {
    @Test func failedTokensAreLimitedAndGoodOnesNever() async throws {
        try await TestService.with { service in
            let good = try await service.token(for: "good", roles: [])
            for _ in 0..<150 { expectProblem(try await service.ask("GET", "/v1/me", token: ""), 401) }
            for number in 0..<100 {
                #expect(try await service.ask("GET", "/v1/me", token: "pdn_bad\(number)").status == 401)
            }
            let limited = try await service.ask("GET", "/v1/me", token: "pdn_bad")
            expectProblem(limited, 429)
            #expect(limited["retry-after"].flatMap { Int($0) }.map { (1...61).contains($0) } == true)
            for _ in 0..<5 { #expect(try await service.ask("GET", "/v1/me", token: good).status == 200) }
            expectProblem(try await service.ask("GET", "/v1/me", token: ""), 401)
            #expect(try await service.ask("GET", "/healthz", token: "pdn_bad").status == 200)
        }
    }

    @Test func revokedAndExpiredTokensAndDisabledUsers() async throws {
        let service = try await TestService.shared.value
        let users = UserStore(pool: service.composition.pool)
        var random = SystemRandomNumberGenerator()
        _ = try await users.create(name: "leaver", roles: ["管理员"], seller: false)
        let revoked = try await users.createToken(user: "leaver", lifetime: nil, random: &random)
        let other = try await users.createToken(user: "leaver", lifetime: .seconds(3600), random: &random)
        let past = try await users.createToken(user: "leaver", lifetime: .zero, random: &random)
        expectProblem(try await service.ask("GET", "/v1/me", token: past.token), 401)
        // On a busy machine it may be over before it is used.
        var short = past.token
        #expect(
            try await eventually {
                short = try await users.createToken(user: "leaver", lifetime: .seconds(2), random: &random).token
                return try await service.ask("GET", "/v1/me", token: short).status == 200
            })
        #expect(try await service.ask("GET", "/v1/queues", token: revoked.token).status == 200)
        try await users.revokeToken(revoked.view.id)
        #expect(try await becomes(401, token: revoked.token))
        #expect(try await service.ask("GET", "/v1/queues", token: other.token).status == 200)
        #expect(try await becomes(401, token: short))
        try await users.disable(name: "leaver")
        #expect(try await becomes(401, token: other.token))
    }

    private func becomes(_ status: Int, token: String, _ path: String = "/v1/queues") async throws -> Bool {
        let service = try await TestService.shared.value
        let watch = Stopwatch()
        let came = try await eventually { try await service.ask("GET", path, token: token).status == status }
        // At once, not when something in memory has grown old.
        return came && watch.granted < .seconds(5)
    }

    @Test func rolesAndPermissionsCountAtOnce() async throws {
        let service = try await TestService.shared.value
        let pool = service.composition.pool
        let token = try await service.token(for: "changing", roles: ["运营"])
        #expect(try await service.ask("GET", "/v1/queues", token: token).status == 200)
        _ = try await pool.query(
            "DELETE FROM rbac_user_roles USING rbac_user u WHERE user_id = u.id AND u.username = 'changing'")
        #expect(try await becomes(403, token: token))
        _ = try await pool.query("INSERT INTO rbac_role (title) VALUES ('按需')")
        _ = try await pool.query(
            """
            INSERT INTO rbac_user_roles (user_id, role_id)
            SELECT u.id, r.id FROM rbac_user u, rbac_role r WHERE u.username = 'changing' AND r.title = '按需'
            """)
        try await grant("/v1/que", "*")
        try await grant("/v1/queues/", "*")
        try await grant("v1/queues", "*")
        try await grant("(/v1/q+)+ueues", "*")
        try await grant("/v1/workers|/v1/jobs", "POST")
        try await grant("/v1/imports|/v1/fairness", "get, post")
        try await grant(#"/v1/customers/(\d+)"#, "GET")
        // The last change is the one that is seen to be effective.
        try await grant("^/v1/ranks$", "GET")
        #expect(try await becomes(200, token: token, "/v1/ranks"))
        for (method, path, status) in [
            ("GET", "/v1/queues", 403), ("GET", "/v1/workers", 403), ("GET", "/v1/jobs", 403),
            ("POST", "/v1/jobs", 400), ("PUT", "/v1/ranks", 403), ("GET", "/v1/fairness", 200),
            ("GET", "/v1/customers/2000000000", 404), ("GET", "/v1/customers/x", 403), ("GET", "/v1/customers/5/", 404),
            ("GET", "/v1/ranks/cycle", 403), ("GET", "/v1/imports/template", 403),
        ] {
            #expect(try await service.ask(method, path, token: token).status == status, "\(method) \(path)")
        }
        #expect(try await service.raw("HEAD /v1/ranks HTTP/1.1", token: token).hasPrefix("HTTP/1.1 200 "))
    }

    private func grant(_ url: String, _ methods: String) async throws {
        _ = try await TestService.shared.value.composition.pool.query(
            """
            WITH new AS (
                INSERT INTO rbac_permission (title, url, code, methods, group_id)
                SELECT 'test', \(url), 'test', \(methods), min(id) FROM rbac_group RETURNING id)
            INSERT INTO rbac_role_permissions (role_id, permission_id)
            SELECT r.id, new.id FROM rbac_role r, new WHERE r.title = '按需'
            """)
    }

    @Test func shippedRolesMayWhatTheyShould() async throws {
        let service = try await TestService.shared.value
        let seller = try await service.token(for: "role seller", roles: ["销售"], seller: true)
        let clerk = try await service.token(for: "role clerk", roles: ["运营"])
        let scheduler = try await service.token(for: "role scheduler", roles: ["调度"])
        for (token, allowed) in [
            (seller, ["POST /v1/customers"]),
            (clerk, ["POST /v1/customers", "POST /v1/imports", "PUT /v1/ranks", "GET /v1/fairness"]), (scheduler, []),
        ] {
            for route in [
                "POST /v1/customers", "POST /v1/imports", "PUT /v1/ranks", "GET /v1/fairness",
                "POST /v1/queues/default/pause", "DELETE /v1/jobs/x",
            ] {
                let words = route.split(separator: " ")
                // A body of no known type: allowed ones stop at 415 or 422, without an effect.
                let answer = try await service.ask(
                    String(words[0]), String(words[1]) + "?colour=red", words[0] == "GET" ? nil : "{}", token: token,
                    type: "text/nonsense")
                #expect((answer.status != 403) == allowed.contains(route), "\(route): \(answer.status)")
            }
        }
    }
}
