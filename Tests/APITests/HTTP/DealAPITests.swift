import CRM
import Postgres
import Testing

@testable import PaidanCommand

@Suite struct DealAPITests {
    @Test func aDealAnswersWithTheCustomer() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let other = try await service.seller("dealer 2")
        for body in [nil, "{}", #"{"late": false}"#, #"{"late": null}"#] {
            let id = try await service.customer(of: mine)
            let path = "/v1/customers/\(id)/deal"
            expectProblem(try await service.ask("POST", path, body, token: other), 409, "not_owner")
            expectProblem(try await service.ask("POST", path, body, token: service.clerk()), 409, "not_owner")
            let made = try await service.ask("POST", path, body, token: mine)
            #expect(made.status == 200, "\(made.text)")
            #expect(made.json["id"].string == id)
            #expect(made.json["status"].int == 1)
            #expect(made.json["pool_state"].string == "closed")
            #expect(made["etag"] == "\"\(made.json["version"].int ?? 0)\"")
            expectProblem(try await service.ask("POST", path, body, token: mine), 409, "closed")
            expectProblem(try await service.ask("POST", path, body, token: other), 409, "not_owner")
        }
    }

    @Test func lateDeals() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let other = try await service.seller("dealer 2")
        let id = try await service.customer(of: mine)
        let path = "/v1/customers/\(id)/deal"
        let late = #"{"late": true}"#
        for token in [mine, other] { expectProblem(try await service.ask("POST", path, late, token: token), 403) }
        expectProblem(try await service.ask("POST", path, late, token: service.clerk()), 409, "not_owner")
        try await service.makeOverdue(id)
        for token in [mine, other] { expectProblem(try await service.ask("POST", path, late, token: token), 403) }
        expectProblem(try await service.ask("POST", path, token: mine), 409, "expired")
        expectProblem(try await service.ask("POST", path, token: other), 409, "not_owner")
        expectProblem(try await service.ask("POST", path), 409, "not_owner")
        let made = try await service.ask("POST", path, late, token: service.clerk())
        #expect(made.status == 200, "\(made.text)")
        #expect(made.json["pool_state"].string == "closed")
        #expect(made.json["consultant_id"].string != nil)
        expectProblem(try await service.ask("POST", path, late, token: service.clerk()), 409, "not_owner")
        let pending = try await service.ask(
            "POST", "/v1/customers", "{\"qq\": \(Int.random(in: 10_000_000_000...99_999_999_999)), \"name\": \"甲\"}")
        let waiting = "/v1/customers/\(pending.json["id"].string ?? "")/deal"
        expectProblem(try await service.ask("POST", waiting, late), 409, "not_owner")
        expectProblem(try await service.ask("POST", waiting), 409, "not_owner")
    }

    /// 403 before 400, before 404, before 422, before 409.
    @Test func theOrderOfAnswers() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let other = try await service.seller("dealer 2")
        let nobody = try await service.token(for: "nobody", roles: [])
        let id = try await service.customer(of: mine)
        for word in ["deal", "reopen", "protect", "payments"] {
            for path in ["/v1/customers/\(id)/\(word)", "/v1/customers/99999999/\(word)"] {
                expectProblem(try await service.ask("POST", path, "{", token: nobody), 403)
                expectProblem(try await service.ask("POST", path, "{}", token: ""), 401)
                expectProblem(try await service.ask("POST", path, "{"), 400)
                expectProblem(try await service.ask("POST", path, "x=1", type: "text/plain"), 415)
                expectProblem(try await service.ask("PUT", path, "{}"), 405)
            }
            for none in ["99999999", "0", "-1", "abc", "9999999999", "%31"] {
                let path = "/v1/customers/\(none)/\(word)"
                expectProblem(try await service.ask("POST", path, #"{"colour": 1}"#), 404)
            }
            let path = "/v1/customers/\(id)/\(word)"
            for body in [#"{"colour": "red"}"#, "[]", "1", "null", #""x""#] {
                expectProblem(try await service.ask("POST", path, body), 422)
            }
            expectProblem(try await service.ask("POST", path + "?late=true", "{}"), 422)
            expectProblem(try await service.ask("POST", path + "/", "{}"), 404)
        }
        // 422 and 403 come before what the state says.
        expectProblem(try await service.ask("POST", "/v1/customers/\(id)/deal", #"{"late": 1}"#, token: other), 422)
        let both = #"{"late": true, "colour": 1}"#
        expectProblem(try await service.ask("POST", "/v1/customers/\(id)/deal", both, token: other), 403)
        expectProblem(try await service.ask("POST", "/v1/customers/99999999/deal", both, token: other), 403)
        for word in ["reopen", "protect"] {
            for token in [mine, other] {
                expectProblem(try await service.ask("POST", "/v1/customers/\(id)/\(word)", "{}", token: token), 403)
            }
        }
        #expect(try await service.state(of: id) == "private")
    }

    @Test func reopening() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let clerk = try await service.clerk()
        let id = try await service.customer(of: mine)
        let path = "/v1/customers/\(id)/reopen"
        expectProblem(try await service.ask("POST", path, token: clerk), 409, "state")
        for to in ["99999999", "\"x\"", "0", "-1", "1e3", "99999999999999999999", "true", "[1]"] {
            let answer = try await service.ask("POST", path, "{\"to\": \(to)}", token: clerk)
            expectProblem(answer, 422)
            #expect(answer.json["errors"][0]["pointer"].string == "/to", "\(to)")
        }
        #expect(try await service.ask("POST", "/v1/customers/\(id)/deal", token: mine).status == 200)
        let opened = try await service.ask("POST", path, token: clerk)
        #expect(opened.status == 200, "\(opened.text)")
        #expect(opened.json["pool_state"].string == "private")
        #expect(opened.json["expires_on"].string != nil)
        #expect(try await service.ask("POST", "/v1/customers/\(id)/deal", token: mine).status == 200)
        _ = try await service.seller("dealer 2")
        let me = try await service.ask("GET", "/v1/me", token: service.seller("dealer 2"))
        let other = try #require(me.json["seller_id"].string)
        let given = try await service.ask("POST", path, "{\"to\": \"\(other)\"}", token: clerk)
        #expect(given.json["consultant_id"].string == other, "\(given.text)")
        let deal = try await service.ask("POST", "/v1/customers/\(id)/deal", token: service.seller("dealer 2"))
        #expect(deal.status == 200)
    }

    @Test func protection() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let clerk = try await service.clerk()
        let id = try await service.customer(of: mine)
        let path = "/v1/customers/\(id)/protect"
        expectProblem(try await service.ask("POST", path, token: clerk), 400)
        for body in [
            "{}", #"{"until": ""}"#, #"{"until": "2026-02-30"}"#, #"{"until": "2000-01-01"}"#, #"{"until": 20990101}"#,
            #"{"until": "2099-1-1"}"#, #"{"until": "2099-01-01T00:00:00Z"}"#, #"{"until": ["2099-01-01"]}"#,
            #"{"until": "\#(String(repeating: "9", count: 5000))"}"#, #"{"until": "2099-01-01\u0000"}"#,
        ] {
            let answer = try await service.ask("POST", path, body, token: clerk)
            expectProblem(answer, 422)
            #expect(answer.json["errors"][0]["pointer"].string == "/until", "\(body)")
        }
        let protected = try await service.ask("POST", path, #"{"until": "2099-12-31"}"#, token: clerk)
        #expect(protected.status == 200, "\(protected.text)")
        #expect(protected.json["protected_until"].string == "2099-12-31")
        #expect(protected.json["expires_on"].string == "2100-01-01")
        try await service.makeOverdue(id)
        #expect(try await service.state(of: id) == "private")
        #expect(try await service.ask("POST", path, #"{"until": null}"#, token: clerk).status == 200)
        #expect(try await service.state(of: id) == "public")
        expectProblem(try await service.ask("POST", path, #"{"until": "2099-12-31"}"#, token: clerk), 409, "state")
    }

    @Test func payments() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let other = try await service.seller("dealer 2")
        let clerk = try await service.clerk()
        let id = try await service.customer(of: mine)
        let path = "/v1/customers/\(id)/payments"
        let wrong: [(String, String)] = [
            ("{}", "/pay_type"), (#"{"pay_type": 0}"#, "/pay_type"), (#"{"pay_type": 6}"#, "/pay_type"),
            (#"{"pay_type": "1"}"#, "/pay_type"), (#"{"pay_type": 1.5}"#, "/pay_type"),
            (#"{"pay_type": null}"#, "/pay_type"), (#"{"pay_type": 1, "paid_fee": -1}"#, "/paid_fee"),
            (#"{"pay_type": 1, "paid_fee": 2147483648}"#, "/paid_fee"),
            (#"{"pay_type": 1, "paid_fee": 1e99}"#, "/paid_fee"), (#"{"pay_type": 1, "paid_fee": "5"}"#, "/paid_fee"),
            (#"{"pay_type": 1, "turnover": 99999999999999999999}"#, "/turnover"),
            (#"{"pay_type": 1, "quote": 2147483648}"#, "/quote"), (#"{"pay_type": 1, "note": 5}"#, "/note"),
            (#"{"pay_type": 1, "note": "a\u0000"}"#, "/note"),
            (#"{"pay_type": 1, "class_list_id": 99999999}"#, "/class_list_id"),
            (#"{"pay_type": 1, "class_list_id": -1}"#, "/class_list_id"), (#"{"pay_type": 1, "fee": 1}"#, "/fee"),
            ("{\"pay_type\": 1, \"note\": \"\(String(repeating: "长", count: 10_001))\"}", "/note"),
        ]
        for (body, pointer) in wrong {
            let answer = try await service.ask("POST", path, body, token: mine)
            expectProblem(answer, 422)
            #expect(answer.json["errors"].items.contains { $0["pointer"].string == pointer }, "\(body.prefix(80))")
        }
        expectProblem(try await service.ask("POST", path, #"{"pay_type": 1}"#, token: other), 409, "not_owner")
        let refund = try await service.ask("POST", path, #"{"pay_type": 5, "paid_fee": 10}"#, token: mine)
        #expect(refund.status == 200 && refund.json["pool_state"].string == "private", "\(refund.text)")
        let tuition = """
            {"pay_type": 2, "paid_fee": 2147483647, "turnover": null, "quote": 0, "note": "分期\\n二", "class_list_id": "\(
                try await service.classList())"}
            """
        let paid = try await service.ask("POST", path, tuition, token: clerk)
        #expect(paid.status == 200 && paid.json["pool_state"].string == "closed", "\(paid.text)")
        #expect(try await service.ask("POST", path, tuition, token: mine).status == 200)
        expectProblem(try await service.ask("POST", path, tuition, token: other), 409, "not_owner")
        let lost = try await service.customer(of: mine)
        try await service.makeOverdue(lost)
        let lostPath = "/v1/customers/\(lost)/payments"
        expectProblem(try await service.ask("POST", lostPath, #"{"pay_type": 1}"#, token: mine), 409, "expired")
        expectProblem(try await service.ask("POST", lostPath, #"{"pay_type": 1}"#, token: other), 409, "not_owner")
        expectProblem(try await service.ask("POST", lostPath, #"{"pay_type": 1}"#, token: clerk), 409, "state")
    }

    @Test func theDocumentSaysWhatMustBeSent() async throws {
        let service = try await TestService.shared.value
        let paths = try await service.ask("GET", "/openapi.json", token: "").json["paths"]
        func body(_ word: String) -> JSON { paths["/v1/customers/{id}/\(word)"]["post"]["requestBody"] }
        for word in ["deal", "reopen"] { #expect(body(word).exists && !body(word)["required"].exists) }
        for word in ["protect", "payments"] { #expect(body(word)["required"].bool == true) }
        let header = paths["/v1/customers/{id}"]["patch"]["parameters"][1]
        #expect(header["name"].string == "If-Match" && header["in"].string == "header")
        #expect(header["required"].bool == true)
    }

    /// Its last day is over, and its owner, a manager and a grabber ask at once.
    @Test func overdueAndWantedByAll() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let other = try await service.seller("dealer 2")
        let clerk = try await service.clerk()
        for _ in 0..<5 {
            let id = try await service.customer(of: mine)
            try await service.makeOverdue(id)
            let path = "/v1/customers/\(id)"
            let codes = try await withThrowingTaskGroup(of: String.self) { group in
                for (word, body, token) in [
                    ("deal", "{}", mine), ("deal", #"{"late": true}"#, clerk), ("grab", "{}", other),
                    ("payments", #"{"pay_type": 1}"#, mine), ("payments", #"{"pay_type": 2}"#, clerk),
                ] {
                    group.addTask {
                        let answer = try await service.ask("POST", "\(path)/\(word)", body, token: token)
                        return "\(word) \(answer.status == 200 ? "done" : answer.code ?? "")"
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            let isClosed = try await service.state(of: id) == "closed"
            #expect(codes.contains("grab done") != codes.contains("deal done"), "\(codes)")
            #expect(isClosed == (codes.contains("deal done") || codes.contains("payments done")), "\(codes)")
            let broken = try await service.composition.pool.transaction { try Invariants.violations(in: &$0) }
            #expect(!broken.contains { $0.hasSuffix("customer \(id)") }, "\(broken)")
        }
    }

    @Test func fiftyDealsAtOnce() async throws {
        let service = try await TestService.shared.value
        let mine = try await service.seller("dealer")
        let other = try await service.seller("dealer 2")
        let id = try await service.customer(of: mine)
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for index in 0..<50 {
                group.addTask {
                    let path = "/v1/customers/\(id)/\(index % 3 == 2 ? "grab" : "deal")"
                    let answer = try await service.ask("POST", path, token: index % 3 == 0 ? mine : other)
                    return answer.status == 200 ? "done" : answer.code ?? ""
                }
            }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(answers["done"] == 1, "\(answers)")
        #expect(answers.keys.allSatisfy { ["done", "closed", "not_owner", "taken"].contains($0) }, "\(answers)")
    }
}
