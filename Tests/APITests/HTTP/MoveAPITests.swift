import CRM
import Postgres
import Testing

@testable import PaidanCommand

/// Follow-up, grab, release, transfer, to-pool. All tests share a service, so each has customers of its own.
@Suite struct MoveAPITests {
    private static let verbs = ["follow-ups", "grab", "release", "transfer", "to-pool"]
    private static let bodies = [
        "follow-ups": #"{"note": "聊过"}"#, "release": #"{"reason": "不合适"}"#, "transfer": #"{"to": 1}"#,
    ]

    private func seller(_ name: String, _ service: TestService) async throws -> (token: String, id: String) {
        let token = try await service.token(for: name, roles: ["销售"], seller: true)
        return (token, try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? "")
    }

    /// - Returns: its path.
    private func customer(_ qq: Int, _ service: TestService, of token: String? = nil) async throws -> String {
        let assign = token == nil ? "auto" : "self"
        let made = try await service.ask(
            "POST", "/v1/customers", "{\"qq\": \(qq), \"name\": \"王小明\", \"assign\": \"\(assign)\"}", token: token)
        #expect(made.status == 201, "\(made.text)")
        return "/v1/customers/\(made.json["id"].string ?? "")"
    }

    private func change(_ path: String, _ service: TestService, _ set: String) async throws {
        let id = path.split(separator: "/").last ?? ""
        try await service.composition.pool.transaction { tx in
            Author.set("test", in: &tx)
            _ = try tx.query("UPDATE crm_customer SET \(raw: set) WHERE id = \(raw: String(id))")
        }
    }

    @Test(
        "who may call what: a role without the permission learns nothing, one with it that there is no such customer",
        arguments: [
            ("销售", "follow-ups grab release"), ("运营", "follow-ups transfer to-pool"),
            ("管理员", "follow-ups grab release transfer to-pool"), ("调度", ""),
        ])
    func roles(_ role: String, _ permitted: String) async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "moves \(role)", roles: [role], seller: true)
        for verb in Self.verbs {
            let answer = try await service.ask(
                "POST", "/v1/customers/99999999/\(verb)", Self.bodies[verb], token: token)
            if permitted.split(separator: " ").contains(Substring(verb)) {
                expectProblem(answer, 404, "not_found")
            } else {
                expectProblem(answer, 403, "forbidden")
            }
            expectProblem(try await service.ask("GET", "/v1/customers/99999999/\(verb)", token: token), 405)
            expectProblem(
                try await service.ask("POST", "/v1/customers/99999999/\(verb)", Self.bodies[verb], token: ""), 401)
        }
    }

    @Test(arguments: ["0", "-1", "99999999", "9999999999", "99999999999999999999", "abc", "+1", "1.0", "%31"])
    func unknownIDs(_ id: String) async throws {
        let service = try await TestService.shared.value
        let boss = try await service.token(for: "selling boss", roles: ["管理员"], seller: true)
        for verb in Self.verbs {
            // 404 comes before 422.
            for body in [Self.bodies[verb], Self.bodies[verb] == nil ? nil : "{}"] {
                expectProblem(try await service.ask("POST", "/v1/customers/\(id)/\(verb)", body, token: boss), 404)
            }
        }
    }

    @Test(
        arguments: [
            ("follow-ups", "{}", "/note"), ("follow-ups", #"{"note": null}"#, "/note"),
            ("follow-ups", #"{"note": ""}"#, "/note"), ("follow-ups", #"{"note": " \u3000\u200b\n"}"#, "/note"),
            ("follow-ups", #"{"note": 5}"#, "/note"), ("follow-ups", #"{"note": ["a"]}"#, "/note"),
            ("follow-ups", #"{"note": "a\u0000b"}"#, "/note"),
            ("follow-ups", #"{"note": "a", "date": "2018-05-22"}"#, "/date"),
            ("follow-ups", "{\"note\": \"\(String(repeating: "长", count: 10_001))\"}", "/note"),
            ("follow-ups", "[]", ""), ("follow-ups", "null", ""), ("follow-ups", #""note""#, ""),
            ("release", "{}", "/reason"), ("release", #"{"reason": "\t"}"#, "/reason"),
            ("release", #"{"reason": false}"#, "/reason"), ("release", #"{"reason": "a", "to": 1}"#, "/to"),
            ("release", "{\"reason\": \"\(String(repeating: "x", count: 256))\"}", "/reason"),
            ("transfer", "{}", "/to"), ("transfer", #"{"to": null}"#, "/to"), ("transfer", #"{"to": "x"}"#, "/to"),
            ("transfer", #"{"to": 0}"#, "/to"), ("transfer", #"{"to": -1}"#, "/to"),
            ("transfer", #"{"to": 1.5}"#, "/to"),
            ("transfer", #"{"to": 99999999}"#, "/to"), ("transfer", #"{"to": 99999999999999999999}"#, "/to"),
            ("transfer", #"{"to": 1, "force": true}"#, "/force"),
        ])
    func wrongBodies(_ verb: String, _ body: String, _ pointer: String) async throws {
        let service = try await TestService.shared.value
        let boss = try await service.token(for: "selling boss", roles: ["管理员"], seller: true)
        // 422 comes before 409: nobody could do any of this with an enrolled customer.
        let paths = try await Self.enrolled.value
        let answer = try await service.ask("POST", "\(paths)/\(verb)", body, token: boss)
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.contains { $0["pointer"].string == pointer }, "\(answer.text)")
        expectProblem(try await service.ask("POST", "\(paths)/\(verb)", "{", token: boss), 400)
        expectProblem(try await service.ask("POST", "\(paths)/\(verb)", "a=1", token: boss, type: "text/plain"), 415)
    }

    private static let enrolled = Task { () async throws -> String in
        let service = try await TestService.shared.value
        let made = try await service.ask("POST", "/v1/customers", #"{"qq": 610001, "name": "王小明", "status": "已报名"}"#)
        return "/v1/customers/\(made.json["id"].string ?? "")"
    }

    @Test("one customer's way from hand to hand")
    func way() async throws {
        let service = try await TestService.shared.value
        let (first, firstID) = try await seller("way first", service)
        let (second, secondID) = try await seller("way second", service)
        let clerk = try await service.token(for: "way clerk", roles: ["运营"])
        let path = try await customer(610_002, service, of: first)
        func ask(_ verb: String, _ token: String, _ body: String? = nil) async throws -> Answer {
            try await service.ask("POST", "\(path)/\(verb)", body, token: token)
        }
        let note = #"{"note": "聊过"}"#
        let moved = try await ask("follow-ups", first, note)
        #expect(moved.status == 200, "\(moved.text)")
        #expect(moved.json["clock_moved"].bool == true)
        #expect(moved.json["id"].string == path.split(separator: "/").last.map(String.init))
        #expect(moved["etag"] == "\"\(moved.json["version"].int ?? 0)\"")
        let kept = try await ask("follow-ups", clerk, #"{"note": "请加紧"}"#)
        #expect(kept.status == 200, "\(kept.text)")
        #expect(kept.json["clock_moved"].bool == false)
        expectProblem(try await ask("follow-ups", second, note), 409, "not_owner")
        expectProblem(try await ask("release", second, #"{"reason": "不要"}"#), 409, "not_owner")
        expectProblem(try await ask("grab", second), 409, "taken")
        expectProblem(try await ask("to-pool", clerk), 409, "state")
        expectProblem(try await ask("transfer", clerk, "{\"to\": \(firstID)}"), 409, "state")

        let released = try await ask("release", first, #"{"reason": "不合适"}"#)
        #expect(released.status == 200, "\(released.text)")
        #expect(released.json["pool_state"].string == "public")
        #expect(released.json["consultant_id"].isNull)
        #expect(!released.json["clock_moved"].exists)
        expectProblem(try await ask("grab", first), 409, "former_owner")
        expectProblem(try await ask("follow-ups", first, note), 409, "not_owner")
        let grabbed = try await ask("grab", second)
        #expect(grabbed.status == 200, "\(grabbed.text)")
        #expect(grabbed.json["consultant_id"].string == secondID)
        #expect(grabbed["etag"] != nil)
        let back = try await ask("transfer", clerk, "{\"to\": \"\(firstID)\"}")
        #expect(back.status == 200, "\(back.text)")
        #expect(back.json["consultant_id"].string == firstID)
        expectProblem(try await ask("follow-ups", second, note), 409, "not_owner")

        // Its last day has been yesterday.
        try await change(path, service, "recv_date = recv_date - 16")
        #expect(try await service.ask("GET", path, token: clerk).json["pool_state"].string == "public")
        expectProblem(try await ask("follow-ups", first, note), 409, "expired")
        expectProblem(try await ask("release", first, #"{"reason": "不要"}"#), 409, "expired")
        let broken = try await service.composition.pool.transaction { try Invariants.violations(in: &$0) }
        #expect(!broken.contains { $0.hasSuffix(" \(path.split(separator: "/").last ?? "")") }, "\(broken)")
    }

    @Test("a customer that waits: not grabbed, but put into the pool or given to somebody")
    func waiting() async throws {
        let service = try await TestService.shared.value
        let (token, id) = try await seller("waiting one", service)
        let clerk = try await service.token(for: "waiting clerk", roles: ["运营"])
        let path = try await customer(610_003, service)
        expectProblem(try await service.ask("POST", "\(path)/grab", token: token), 409, "pending")
        _ = try await service.composition.pool.query(
            "INSERT INTO paidan.rank_limit (user_id, holding_cap) VALUES (\(Int(id) ?? 0)::bigint, 0)")
        let pooled = try await service.ask("POST", "\(path)/to-pool", token: clerk)
        #expect(pooled.status == 200, "\(pooled.text)")
        #expect(pooled.json["pool_state"].string == "public")
        #expect(pooled.json["pool_since"].string != nil)
        expectProblem(try await service.ask("POST", "\(path)/grab", token: token), 409, "limit")
        _ = try await service.composition.pool.query(
            "DELETE FROM paidan.rank_limit WHERE user_id = \(Int(id) ?? 0)::bigint")
        #expect(try await service.ask("POST", "\(path)/grab", token: token).status == 200)
        let other = try await customer(610_004, service)
        let given = try await service.ask("POST", "\(other)/transfer", "{\"to\": \(id)}", token: clerk)
        #expect(given.json["consultant_id"].string == id, "\(given.text)")
    }

    @Test("an enrolled customer is closed to all of it")
    func closed() async throws {
        let service = try await TestService.shared.value
        let (token, id) = try await seller("closed one", service)
        let boss = try await service.token(for: "selling boss", roles: ["管理员"], seller: true)
        let path = try await Self.enrolled.value
        expectProblem(try await service.ask("POST", "\(path)/grab", token: token), 409, "closed")
        expectProblem(try await service.ask("POST", "\(path)/transfer", "{\"to\": \(id)}", token: boss), 409, "closed")
        expectProblem(try await service.ask("POST", "\(path)/to-pool", token: boss), 409, "state")
        // Its last owner is told that it is closed; others, that it is not theirs.
        let own = try await customer(610_006, service, of: token)
        try await service.composition.pool.transaction { tx in
            Author.set("test", in: &tx)
            let id = own.split(separator: "/").last.map(String.init) ?? ""
            _ = try tx.query(
                """
                UPDATE crm_customerdistribution SET status = 2, ended_on = paidan.today()
                WHERE customer_id = \(raw: id)
                """)
            _ = try tx.query("UPDATE crm_customer SET status = 1 WHERE id = \(raw: id)")
        }
        for verb in ["follow-ups", "release"] {
            let answer = try await service.ask("POST", "\(own)/\(verb)", Self.bodies[verb], token: token)
            expectProblem(answer, 409, "closed")
        }
        expectProblem(
            try await service.ask("POST", "\(path)/release", Self.bodies["release"], token: boss), 409, "not_owner")
    }

    @Test("who is no active seller cannot grab, and nothing can be given to him")
    func noSeller() async throws {
        let service = try await TestService.shared.value
        let (token, id) = try await seller("gone one", service)
        let boss = try await service.token(for: "boss")
        let path = try await customer(610_005, service)
        #expect(try await service.ask("POST", "\(path)/to-pool", token: boss).status == 200)
        expectProblem(try await service.ask("POST", "\(path)/grab", token: boss), 403, "forbidden")
        _ = try await service.composition.pool.query(
            "UPDATE crm_userinfo SET is_active = false WHERE id = \(Int(id) ?? 0)::bigint")
        expectProblem(try await service.ask("POST", "\(path)/grab", token: token), 403, "forbidden")
        let given = try await service.ask("POST", "\(path)/transfer", "{\"to\": \(id)}", token: boss)
        expectProblem(given, 422, "not_a_seller")
        #expect(given.json["errors"][0]["pointer"].string == "/to")
    }
}
