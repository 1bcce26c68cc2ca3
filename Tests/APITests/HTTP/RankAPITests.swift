import Testing

@testable import PaidanCommand

@Suite struct RankAPITests {
    @Test func sharesCycleFairnessAndAbsences() async throws {
        try await TestService.with { service in
            var sellers: [String] = []
            for name in ["a", "b"] {
                let token = try await service.token(for: name, roles: ["销售"], seller: true)
                sellers.append(try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? "")
            }
            expectProblem(try await service.ask("GET", "/v1/ranks/cycle"), 404)
            let set = try await service.ask(
                "PUT", "/v1/ranks",
                """
                [{"user_id": "\(sellers[0])", "num": 3, "weight": 1, "daily_cap": 5, "holding_cap": null},
                 {"user_id": \(sellers[1]), "num": 2, "weight": 2}]
                """)
            #expect(set.status == 200, "\(set.text)")
            let ranks = try await service.ask("GET", "/v1/ranks").json["items"].items
            let first = try #require(ranks.first { $0["user_id"].string == sellers[0] })
            #expect(first["num"].int == 3)
            #expect(first["daily_cap"].int == 5)
            #expect(first["holding_cap"].isNull)

            let made = try await service.ask("POST", "/v1/customers", #"{"qq": "700001", "name": "李四"}"#)
            let path = "/v1/customers/\(made.json["id"].string ?? "")"
            #expect(try await eventually { try await service.ask("GET", path).json["pool_state"].string == "private" })
            #expect(try await service.ask("GET", path).json["consultant_id"].string == sellers[1])
            let cycle = try await service.ask("GET", "/v1/ranks/cycle")
            #expect(cycle.json["cycle_no"].int == 1)
            #expect(cycle.json["strategy"].string == "laps")
            #expect(cycle.json["slots"].items.count == 5)
            #expect(cycle.json["slots"][0]["pos"].int == 1)
            #expect(cycle.json["slots"][0]["state"].string == "used")
            #expect(cycle.json["slots"][0]["user_id"].string == sellers[1])
            let fairness = try await service.ask("GET", "/v1/fairness")
            let seller = fairness.json["cycles"][0]["sellers"].items.first { $0["user_id"].string == sellers[1] }
            #expect(seller?["used"].int == 1)
            #expect(seller?["num"].int == 2)
            #expect(fairness.json["cycles"][0]["closed"].bool == false)
            let past = try await service.ask("GET", "/v1/fairness?from=2020-01-01&to=2020-01-31")
            #expect(past.json["cycles"].raw == "[]")

            let absent = try await service.ask(
                "POST", "/v1/absences", "{\"user_id\": \(sellers[0]), \"from\": \"2026-05-01\", \"to\": \"2026-05-05\"}"
            )
            #expect(absent.status == 201, "\(absent.text)")
            let rest = try await service.ask(
                "PUT", "/v1/ranks", "[{\"user_id\": \(sellers[1]), \"num\": 1, \"weight\": 1}]")
            let missing = rest.json["items"].items.first { $0["user_id"].string == sellers[0] }
            #expect(missing?["num"].int ?? 0 == 0)
        }
    }

    @Test(arguments: [
        ("{}", ""), (#"[{"user_id": 999999, "num": 1, "weight": 1}]"#, "/0/user_id"),
        (#"[{"num": 1, "weight": 1}]"#, "/0/user_id"),
        (#"[{"user_id": 99999999999, "num": 1, "weight": 1}]"#, "/0/user_id"),
        (#"[{"user_id": ID, "num": 1001, "weight": 1}]"#, "/0/num"),
        (#"[{"user_id": ID, "num": -1, "weight": 1}]"#, "/0/num"),
        (#"[{"user_id": ID, "num": 1, "weight": 1, "x": 1}]"#, "/0/x"),
        (#"[{"user_id": ID, "num": "1", "weight": 1}]"#, "/0/num"),
        (#"[{"user_id": ID, "num": 1, "weight": 1, "daily_cap": -1}]"#, "/0/daily_cap"),
        (#"[{"user_id": ID, "num": 1, "weight": 1}, {"user_id": ID, "num": 2, "weight": 1}]"#, "/1/user_id"),
        (#"[{"user_id": ID, "num": 1}]"#, "/0/weight"), ("[5]", "/0"),
    ])
    func wrongSharesAreNamed(_ body: String, _ pointer: String) async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "ranked", roles: ["销售"], seller: true)
        let id = try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? ""
        let answer = try await service.ask("PUT", "/v1/ranks", body.replacing("ID", with: id))
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.map { $0["pointer"].string } == [pointer], "\(answer.text)")
    }

    @Test(arguments: [
        (#"{"user_id": 999999, "from": "2026-05-01", "to": "2026-05-02"}"#, "/user_id"),
        (#"{"user_id": ID, "from": "2026-05-02", "to": "2026-05-01"}"#, "/to"),
        (#"{"user_id": ID, "from": "2026-02-30", "to": "2026-05-01"}"#, "/from"),
        (#"{"user_id": ID, "from": "2026-05-01"}"#, "/to"),
        (#"{"from": "2026-05-01", "to": "2026-05-01"}"#, "/user_id"),
    ])
    func wrongAbsencesAreNamed(_ body: String, _ pointer: String) async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "absent", roles: ["销售"], seller: true)
        let id = try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? ""
        let answer = try await service.ask("POST", "/v1/absences", body.replacing("ID", with: id))
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.map { $0["pointer"].string } == [pointer], "\(answer.text)")
    }

    @Test(arguments: ["from=x", "to=2026-13-01"]) func wrongDaysOfFairness(_ query: String) async throws {
        expectProblem(try await TestService.shared.value.ask("GET", "/v1/fairness?\(query)"), 422)
    }
}
