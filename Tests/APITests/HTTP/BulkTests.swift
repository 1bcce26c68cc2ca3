import Testing

@Suite struct BulkTests {
    private static let line = #"{"kind":"noop","queue":"held2","delay_s":800}"#

    private func post(_ body: String, type: String = "application/x-ndjson") async throws -> Answer {
        try await TestService.shared.value.ask("POST", "/v1/jobs/bulk", body, type: type)
    }

    @Test func takesEveryLineInOrder() async throws {
        let service = try await TestService.shared.value
        let answer = try await post(
            "\(Self.line)\r\n\n{\"kind\":\"noop\",\"args\":{\"result\":5}}\n{\"kind\":\"noop\",\"queue\":\"held\",\"delay_s\":9}",
            type: "application/x-ndjson; charset=utf-8")
        #expect(answer.status == 202, "\(answer.text)")
        #expect(answer.json["accepted"].int == 3)
        let ids = answer.json["ids"].items.compactMap(\.string)
        #expect(Set(ids).count == 3)
        #expect(try await service.ask("GET", "/v1/jobs/\(ids[0])").json["queue"].string == "held2")
        #expect(try await service.job(ids[1], in: "succeeded")["result"].int == 5)
    }

    @Test func isAllOrNothingAndNamesTheLines() async throws {
        let service = try await TestService.shared.value
        let answer = try await post(
            """
            {"kind":"noop","key":"all-or-nothing","queue":"held2","delay_s":800}
            {"kind":"nothing","delay_s":-1,"more":1}

            no json
            {"kind":"noop","args":{"sleep_ms":"x"}}
            []
            \(Self.line)
            """)
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.map { $0["pointer"].string } == ["/2", "/4", "/5", "/6"], "\(answer.text)")
        #expect(
            answer.json["errors"].items.map { $0["code"].string } == ["unknown_kind", "malformed", "bad_args", "type"])
        let first = try await service.ask(
            "POST", "/v1/jobs", #"{"kind":"noop","key":"all-or-nothing","queue":"held2","delay_s":70}"#)
        // Had the line been taken, its job would be the answer.
        let run = try #require(first.json["run_at"].string)
        let created = try #require(first.json["created_at"].string)
        #expect(run.prefix(16) != created.prefix(16))
        let list = try await service.ask("GET", "/v1/jobs?queue=held2&state=scheduled&limit=200")
        let holders = list.json["items"].items.filter { $0["id"].string == first.json["id"].string }
        #expect(holders.count == 1)
    }

    @Test func hasLimits() async throws {
        let line = #"{"kind":"noop"}"# + "\n"
        expectProblem(try await post(String(repeating: line, count: 10_001)), 413)
        // Lines that are wrong in several ways are still single lines.
        let wrong = String(repeating: #"{"kind":"x","queue":"y","z":1}"# + "\n", count: 4_000)
        expectProblem(try await post(wrong), 422)
        let wide = String(
            repeating: "{\"kind\":\"noop\",\"args\":{\"x\":\"" + String(repeating: "a", count: 60_000) + "\"}}\n",
            count: 141)
        expectProblem(try await post(wide), 413)
    }

    @Test func takesTenThousandLines() async throws {
        let answer = try await post(String(repeating: #"{"kind":"noop"}"# + "\n", count: 10_000))
        #expect(answer.status == 202, "\(answer.text.prefix(300))")
        #expect(answer.json["accepted"].int == 10_000)
        let last = try #require(answer.json["ids"].items.last?.string)
        _ = try await TestService.shared.value.job(last, in: "succeeded")
    }

    @Test(arguments: ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
    func otherTypesAreNotTaken(_ type: String) async throws {
        expectProblem(try await post(Self.line, type: type), 415)
    }

    @Test func nothingIsNoJob() async throws {
        let answer = try await post("\n")
        #expect(answer.status == 202)
        #expect(answer.json["accepted"].int == 0)
        #expect(answer.json["ids"].raw == "[]")
    }
}
