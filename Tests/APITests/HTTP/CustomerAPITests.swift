import Postgres
import Testing

@testable import PaidanCommand

@Suite struct CustomerAPITests {
    private func body(_ qq: Int, _ more: String = "") -> String { "{\"qq\": \"\(qq)\", \"name\": \"王小明\"\(more)}" }

    @Test func isCreatedAndShown() async throws {
        let service = try await TestService.shared.value
        let answer = try await service.ask("POST", "/v1/customers", body(600_001, #", "gender": "女", "education": 2"#))
        #expect(answer.status == 201, "\(answer.text)")
        let id = try #require(answer.json["id"].string)
        #expect(answer["location"] == "/v1/customers/\(id)")
        #expect(answer.json["qq"].string == "600001")
        #expect(answer.json["gender"].int == 2)
        #expect(answer.json["pool_state"].string == "pending")
        #expect(answer.json["expires_on"].isNull)
        let shown = try await service.ask("GET", "/v1/customers/\(id)")
        #expect(shown.status == 200)
        #expect(shown["etag"] == "\"\(shown.json["version"].int ?? 0)\"")
        #expect(shown["etag"] != nil)
        for member in [
            "consultant_id", "pool_since", "follow_due_on", "deal_due_on", "import_id", "company", "recv_date", "date",
        ] {
            #expect(shown.json[member].exists, "\(member) is missing")
        }
        let twin = try await service.ask("POST", "/v1/customers", body(600_001))
        expectProblem(twin, 409, "duplicate")
    }

    @Test func aSellerKeepsHisOwnAndSeesNoOthers() async throws {
        let service = try await TestService.shared.value
        let owner = try await service.token(for: "owner", roles: ["销售"], seller: true)
        let rival = try await service.token(for: "rival", roles: ["销售"], seller: true)
        let made = try await service.ask("POST", "/v1/customers", body(600_002, #", "assign": "self""#), token: owner)
        #expect(made.status == 201, "\(made.text)")
        #expect(made.json["pool_state"].string == "private")
        for member in ["expires_on", "follow_due_on", "deal_due_on", "recv_date", "consultant_id"] {
            #expect(made.json[member].string != nil, "\(member)")
        }
        let path = "/v1/customers/\(made.json["id"].string ?? "")"
        #expect(try await service.ask("GET", path, token: owner).status == 200)
        expectProblem(try await service.ask("GET", path, token: rival), 404, "not_found")
        #expect(
            try await service.ask("GET", path, token: try await service.token(for: "clerk", roles: ["运营"])).status
                == 200)
        let pool = service.composition.pool
        let id = Int(made.json["id"].string ?? "") ?? 0
        _ = try await pool.query(
            "UPDATE crm_customer SET consultant_id = NULL, pool_since = paidan.today() WHERE id = \(id)")
        #expect(try await service.ask("GET", path, token: rival).json["pool_state"].string == "public")
    }

    @Test(
        arguments: [
            (#"{"qq": "600003"}"#, "/name"), (#"{"name": "王小明"}"#, "/qq"), (#"{"qq": "x", "name": "王小明"}"#, "/qq"),
            (#"{"qq": 600003, "name": "王小明", "assign": "other"}"#, "/assign"),
            (#"{"qq": 600003, "name": "王小明", "assign": "self"}"#, "/assign"),
            (#"{"qq": 600003, "name": "王小明", "education": "本科"}"#, "/education"),
            (#"{"qq": 600003, "name": "王小明", "consultant": 1}"#, "/consultant"),
            (#"{"qq": 600003, "name": "王小明", "referral_from_id": 99999999999}"#, "/referral_from_id"),
            (#"{"qq": 600003, "name": "王小明", "course": [99999999999]}"#, "/course/0"),
            (#"{"qq": 600003, "name": "a\u0000b"}"#, "/name"), (#"{"qq": 600003, "name": {"x": 1}}"#, nil),
            (#"[]"#, nil), (#""x""#, nil), ("{\"qq\": 600003, \"name\": true}", nil),
        ] as [(String, String?)])
    func invalidOnesAreRefused(_ body: String, _ pointer: String?) async throws {
        let answer = try await TestService.shared.value.ask("POST", "/v1/customers", body)
        expectProblem(answer, 422)
        if let pointer { #expect(answer.json["errors"][0]["pointer"].string == pointer, "\(answer.text)") }
    }

    @Test(arguments: ["0", "-1", "999999999", "9999999999", "99999999999999999999", "abc", "+1", "%2B1", "1.0"])
    func unknownIDs(_ id: String) async throws {
        let service = try await TestService.shared.value
        expectProblem(try await service.ask("GET", "/v1/customers/\(id)"), 404)
        expectProblem(try await service.ask("GET", "/v1/imports/\(id)"), 404)
        expectProblem(try await service.ask("POST", "/v1/imports/\(id)/cancel"), 404)
    }

    @Test func oneOfManyAtOnceGetsTheNumber() async throws {
        let service = try await TestService.shared.value
        let body = body(600_004)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await service.ask("POST", "/v1/customers", body).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 201 }.count == 1)
        #expect(statuses.filter { $0 == 409 }.count == 19)
    }
}
