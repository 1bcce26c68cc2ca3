import CRM
import Testing

@testable import API

@Suite struct PatchAPITests {
    private let name = #"{"name": "新名"}"#

    private func patch(
        _ service: TestService, _ id: String, _ body: String, match: String? = "*", token: String? = nil
    ) async throws -> Answer {
        try await service.ask(
            "PATCH", "/v1/customers/\(id)", body, token: token, headers: match.map { [("If-Match", $0)] } ?? [])
    }

    @Test func oneVersionIsChangedOnce() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("editor")
        let id = try await service.customer(of: mine)
        let shown = try await service.ask("GET", "/v1/customers/\(id)", token: mine)
        let tag = try #require(shown["etag"])
        expectProblem(try await patch(service, id, name, match: nil, token: mine), 428, "precondition_required")
        let made = try await patch(service, id, name, match: tag, token: mine)
        #expect(made.status == 200, "\(made.text)")
        #expect(made.json["name"].string == "新名")
        #expect(made["etag"] == "\"\(made.json["version"].int ?? 0)\"" && made["etag"] != tag)
        let old = try await patch(service, id, name, match: tag, token: mine)
        expectProblem(old, 412, "precondition_failed")
        #expect(old["etag"] == made["etag"])
        let current = try #require(made["etag"])
        // A weak tag matches nothing; of several one is enough; * is any.
        expectProblem(try await patch(service, id, name, match: "W/\(current)", token: mine), 412)
        expectProblem(try await patch(service, id, name, match: "\"x\"", token: mine), 412)
        #expect(try await patch(service, id, "{}", match: "\(tag), \(current)", token: mine).status == 200)
        #expect(try await patch(service, id, "{}", match: "*", token: mine).status == 200)
        let bare = "\(made.json["version"].int ?? 0)"
        #expect(try await patch(service, id, "{}", match: bare, token: mine).status == 200)
        expectProblem(try await patch(service, id, name, match: "\"1", token: mine), 400)
        expectProblem(try await patch(service, id, name, match: "abc", token: mine), 400)
    }

    @Test func aRaceHasOneWinner() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("editor")
        let id = try await service.customer(of: mine)
        let tag = try await service.ask("GET", "/v1/customers/\(id)", token: mine)["etag"]
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await patch(service, id, name, match: tag, token: mine).status } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses == [200: 1, 412: 19])
    }

    @Test func whoMay() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("editor")
        let other = try await service.seller("editor 2")
        let nobody = try await service.token(for: "nobody", roles: [])
        let id = try await service.customer(of: mine)
        expectProblem(try await patch(service, id, name, token: nobody), 403)
        expectProblem(try await patch(service, id, name, token: other), 404, "not_found")
        // Not there: told before all that is wrong with the request.
        expectProblem(try await patch(service, id, #"{"qq": "c"}"#, match: nil, token: other), 404)
        expectProblem(try await patch(service, "99999999", #"{"qq": "c"}"#, match: nil), 404)
        expectProblem(try await patch(service, "abc", name), 404)
        expectProblem(
            try await service.ask("PATCH", "/v1/customers/\(id)?colour=red", name, headers: [("If-Match", "*")]), 422)
        #expect(try await patch(service, id, name, token: service.clerk()).status == 200)
        try await service.makeOverdue(id)
        expectProblem(try await patch(service, id, name, token: other), 409, "not_owner")
        expectProblem(try await patch(service, id, name, token: mine), 409, "expired")
        #expect(try await patch(service, id, name, token: service.clerk()).status == 200)
    }

    @Test func oddBodies() async throws {
        let service = try await TestService.shared.value
        let id = try await service.customer(of: try await service.seller("editor"))
        expectProblem(try await patch(service, id, ""), 400)
        expectProblem(try await patch(service, id, "{"), 400)
        for body in [
            "[]", "null", "1", #"{"name": null}"#, #"{"name": true}"#, #"{"qq": 1e300}"#, #"{"colour": 1}"#,
            #"{"status": 1}"#, #"{"consultant_id": "1"}"#, #"{"pool_since": null}"#, #"{"name": "a\u0000"}"#,
            #"{"course": {"x": 1}}"#, #"{"course": [99999999999]}"#, #"{"referral_from_id": 99999999999}"#,
        ] {
            expectProblem(try await patch(service, id, body), 422)
        }
        let typed = [("If-Match", "*"), ("Content-Type", "application/merge-patch+json")]
        #expect(try await service.ask("PATCH", "/v1/customers/\(id)", name, headers: typed).status == 200)
        let form = [("If-Match", "*"), ("Content-Type", "application/x-www-form-urlencoded")]
        expectProblem(try await service.ask("PATCH", "/v1/customers/\(id)", "name=1", headers: form), 415)
        let answer = try await patch(service, id, #"{"recv_date": "2026-01-01"}"#)
        #expect(answer.code == "readonly", "\(answer.text)")
        let twin = try await service.ask("GET", "/v1/customers/\(service.customer(of: service.seller("editor")))")
        let duplicate = try await patch(service, id, "{\"qq\": \"\(twin.json["qq"].string ?? "")\"}")
        expectProblem(duplicate, 409, "duplicate")
        #expect(duplicate.json["pool_state"].string == "private")
    }

    @Test(arguments: [
        ("*", VersionMatch.any), (" * ", .any), ("\"3\"", .versions([3])), ("3", .versions([3])),
        ("\"3\", \"4\"", .versions([3, 4])), ("\"3\",,\"4\",", .versions([3, 4])), ("W/\"3\"", .versions([])),
        ("W/\"3\", \"4\"", .versions([4])), ("\"\"", .versions([])), ("\"03\"", .versions([])),
        ("\"+3\"", .versions([])),
        ("\"x\"", .versions([])), ("", .versions([])), ("\"99999999999999999999\"", .versions([])),
    ])
    func tags(_ header: String, _ match: VersionMatch) throws {
        #expect(try VersionMatch(header: header) == match)
    }

    @Test(arguments: [
        "x", "\"", "\"3", "3\"", "\"3\"4\"", "w/\"3\"", "W/3", "-", "*, \"3\"", "03", "99999999999999999999",
    ])
    func brokenTags(_ header: String) {
        #expect(throws: Problem.self) { try VersionMatch(header: header) }
    }
}
