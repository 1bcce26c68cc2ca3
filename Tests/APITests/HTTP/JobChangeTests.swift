import Testing

@Suite struct JobChangeTests {
    private func new(_ fields: String = #""queue": "held", "delay_s": 600"#) async throws -> String {
        let answer = try await TestService.shared.value.ask("POST", "/v1/jobs", "{\"kind\": \"noop\", \(fields)}")
        return try #require(answer.json["id"].string, "\(answer.text)")
    }

    @Test func cancelRetryAndDiscard() async throws {
        let service = try await TestService.shared.value
        let id = try await new()
        let cancelled = try await service.ask("POST", "/v1/jobs/\(id)/cancel")
        #expect(cancelled.status == 200)
        #expect(cancelled.json["state"].string == "cancelled")
        expectProblem(try await service.ask("POST", "/v1/jobs/\(id)/cancel"), 409, "state")
        let again = try await service.ask("POST", "/v1/jobs/\(id)/retry")
        #expect(again.status == 200, "\(again.text)")
        #expect(again.json["id"].string == id)
        let done = try await service.job(id, in: "succeeded")
        #expect(done["attempt"].int == 1)
        expectProblem(try await service.ask("POST", "/v1/jobs/\(id)/retry"), 409, "state")
        expectProblem(try await service.ask("POST", "/v1/jobs/\(id)/cancel"), 409, "state")
        let gone = try await service.ask("DELETE", "/v1/jobs/\(id)")
        #expect(gone.status == 204)
        #expect(gone.bytes.isEmpty)
        for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("POST", "/cancel")] {
            expectProblem(try await service.ask(method, "/v1/jobs/\(id)\(path)"), 404, "not_found")
        }
    }

    @Test func retryingRunsAtOnceAndDeadStartsAnew() async throws {
        let service = try await TestService.shared.value
        let id = try await new(#""max_attempts": 2, "args": {"fail": 3}"#)
        let retrying = try await service.job(id, in: "retrying")
        #expect(retrying["error"]["code"].string == "noop_failed")
        #expect(retrying["run_at"].string != nil)
        #expect(try await service.ask("POST", "/v1/jobs/\(id)/retry").status == 200)
        let dead = try await service.job(id, in: "dead")
        #expect(dead["attempt"].int == 2)
        #expect(dead["finished_at"].string != nil)
        #expect(try await service.ask("POST", "/v1/jobs/\(id)/retry").status == 200)
        #expect(try await service.job(id, in: "retrying")["attempt"].int == 1)
    }

    @Test func aRunningJobIsCancelledButNotDiscarded() async throws {
        let service = try await TestService.shared.value
        let id = try await new(#""args": {"sleep_ms": 60000}"#)
        _ = try await service.job(id, in: "running")
        expectProblem(try await service.ask("DELETE", "/v1/jobs/\(id)"), 409, "state")
        expectProblem(try await service.ask("POST", "/v1/jobs/\(id)/retry"), 409, "state")
        #expect(try await service.ask("POST", "/v1/jobs/\(id)/cancel").status == 200)
        _ = try await service.job(id, in: "cancelled")
    }

    @Test(arguments: ["nothing", "01m89jypp7hhe9zw2xjspe6bsw", "%E5%BC%A0", "a%20b", "*", "bulk"])
    func unknownIdsAreNotFound(_ id: String) async throws {
        let service = try await TestService.shared.value
        if id != "bulk" { expectProblem(try await service.ask("GET", "/v1/jobs/\(id)"), 404, "not_found") }
        expectProblem(try await service.ask("POST", "/v1/jobs/\(id)/cancel"), 404, "not_found")
    }

    @Test func listsPageByPageWithFilters() async throws {
        let service = try await TestService.shared.value
        var ids: Set<String> = []
        for _ in 0..<7 { ids.insert(try await new(#""queue": "held2", "delay_s": 900"#)) }
        var seen: Set<String> = []
        var cursor: String?
        repeat {
            let page = try await service.ask(
                "GET",
                "/v1/jobs?state=scheduled&kind=noop&queue=held2&limit=3" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(page.status == 200, "\(page.text)")
            #expect(page.json["items"].items.count <= 3)
            for job in page.json["items"].items {
                #expect(job["queue"].string == "held2")
                #expect(job["state"].string == "scheduled")
                seen.insert(job["id"].string ?? "")
            }
            #expect(page.json["next_cursor"].exists)
            cursor = page.json["next_cursor"].string
        } while cursor != nil
        #expect(seen.isSuperset(of: ids))
        let none = try await service.ask("GET", "/v1/jobs?kind=reconcile&queue=held2")
        #expect(none.json["items"].raw == "[]")
        #expect(none.json["next_cursor"].isNull)
        #expect(try await service.ask("GET", "/v1/jobs?limit=100000").status == 200)
    }

    @Test(arguments: [
        ("state=odd", "/state"), ("queue=nowhere", "/queue"), ("limit=0", "/limit"), ("limit=-1", "/limit"),
        ("limit=x", "/limit"), ("cursor=zzz", "/cursor"), ("cursor=held.ready.-1", "/cursor"),
        ("colour=red", "/colour"),
    ])
    func wrongFiltersAreNamed(_ query: String, _ pointer: String) async throws {
        let answer = try await TestService.shared.value.ask("GET", "/v1/jobs?\(query)")
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.map { $0["pointer"].string } == [pointer])
    }

    @Test func aBrokenEscapeInTheQueryIsMalformed() async throws {
        expectProblem(try await TestService.shared.value.ask("GET", "/v1/jobs?kind=%zz"), 400, "malformed")
    }
}
