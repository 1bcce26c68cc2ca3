import Testing

@Suite struct JobTests {
    @Test func isTakenInShownAndDone() async throws {
        let service = try await TestService.shared.value
        let answer = try await service.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "args": {"result": {"x": [1, "张"]}}}"#)
        #expect(answer.status == 202)
        #expect(answer["content-type"]?.hasPrefix("application/json") == true)
        let id = try #require(answer.json["id"].string)
        #expect(answer["location"] == "/v1/jobs/\(id)")
        #expect(answer.json["kind"].string == "noop")
        #expect(answer.json["queue"].string == "default")
        let done = try await service.job(id, in: "succeeded")
        #expect(done["result"]["x"][1].string == "张")
        #expect(done["attempt"].int == 1)
        #expect(done["max_attempts"].int == 10)
        #expect(done["error"].isNull)
        #expect(done["progress"].isNull)
        for time in ["created_at", "started_at", "finished_at"] {
            #expect(done[time].string?.hasSuffix("+08:00") == true, "\(time) is \(done[time].raw ?? "missing")")
        }
        #expect(done["run_at"].exists)
    }

    @Test func argumentsAreKeptByteForByte() async throws {
        let service = try await TestService.shared.value
        let args = #"{ "result" : [ ], "big":12345678901234567890, "huge": 1e400,"\u5f20":"\/", "result":{} }"#
        let answer = try await service.ask(
            "POST", "/v1/jobs", "{\"kind\":\"noop\",\"queue\":\"held\",\"delay_s\":600,\"args\":\(args)}")
        #expect(answer.status == 202, "\(answer.text)")
        #expect(answer.json["args"].raw == args)
        #expect(answer.json["state"].string == "scheduled")
    }

    @Test(arguments: [
        (#"{"kind": "nothing"}"#, "/kind", "unknown_kind"),
        (#"{"kind": "survey.open", "args": {"questionnaire_id": 1}}"#, "/kind", "unknown_kind"),
        (#"{"args": {}}"#, "/kind", "required"), (#"{"kind": 7}"#, "/kind", "type"),
        (#"{"kind": "noop", "queue": "nowhere"}"#, "/queue", "unknown_queue"),
        (#"{"kind": "noop", "queue": "assign"}"#, "/queue", "unknown_queue"),
        (#"{"kind": "import.batch", "args": {}}"#, "/args", "bad_args"),
        (#"{"kind": "noop", "args": {"sleep_ms": "long"}}"#, "/args", "bad_args"),
        (#"{"kind": "noop", "args": [1]}"#, "/args", "type"),
        (#"{"kind": "noop", "args": "{}"}"#, "/args", "type"),
        (#"{"kind": "noop", "run_at": "2030-01-01T00:00:00Z", "delay_s": 5}"#, "/delay_s", "conflict"),
        (#"{"kind": "noop", "run_at": "tomorrow"}"#, "/run_at", "type"),
        (#"{"kind": "noop", "run_at": "2030-01-01T00:00:00"}"#, "/run_at", "type"),
        (#"{"kind": "noop", "delay_s": -1}"#, "/delay_s", "range"),
        (#"{"kind": "noop", "max_attempts": 0}"#, "/max_attempts", "range"),
        (#"{"kind": "noop", "max_attempts": 1.5}"#, "/max_attempts", "type"),
        (#"{"kind": "noop", "timeout_s": 0}"#, "/timeout_s", "range"),
        (#"{"kind": "noop", "key": ""}"#, "/key", "range"), (#"{"kind": "noop", "key": 5}"#, "/key", "type"),
        (#"{"kind": "noop", "prio": 5}"#, "/prio", "unknown"), (#"[]"#, "", "type"), (#"5"#, "", "type"),
    ])
    func invalidIsRefusedWithItsPointer(_ body: String, _ pointer: String, _ code: String) async throws {
        let answer = try await TestService.shared.value.ask("POST", "/v1/jobs", body)
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.map { $0["pointer"].string } == [pointer], "\(answer.text)")
        #expect(answer.json["errors"][0]["code"].string == code, "\(answer.text)")
    }

    @Test(arguments: [
        "2030-01-01T00:00:00Z", "2030-01-01T08:00:00+08:00", "2029-12-31T19:00:00.123456-05:00",
        "2030-01-01t00:00:00z",
    ])
    func timesOfRFC3339AreTaken(_ time: String) async throws {
        let answer = try await TestService.shared.value.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "queue": "held", "run_at": "\#(time)"}"#)
        #expect(answer.status == 202, "\(answer.text)")
        #expect(answer.json["run_at"].string?.hasPrefix("2030-01-01T08:00:00") == true, "\(answer.text)")
    }

    @Test func argumentsHaveALimit() async throws {
        let service = try await TestService.shared.value
        func body(_ size: Int) -> String {
            #"{"kind":"noop","queue":"held","delay_s":600,"args":{"x":""# + String(repeating: "a", count: size - 8)
                + #""}}"#
        }
        #expect(try await service.ask("POST", "/v1/jobs", body(65_536)).status == 202)
        let over = try await service.ask("POST", "/v1/jobs", body(65_537))
        expectProblem(over, 422, "too_large")
        #expect(over.json["errors"][0]["pointer"].string == "/args")
        expectProblem(try await service.ask("POST", "/v1/jobs", body(1_100_000)), 413)
    }

    @Test(arguments: ["", "{", #"{"kind": "noop",}"#, "{\"kind\": \"\u{1}\"}", #"{"kind": "noop"} {}"#])
    func textThatIsNoJSONIsMalformed(_ body: String) async throws {
        expectProblem(try await TestService.shared.value.ask("POST", "/v1/jobs", body), 400, "malformed")
    }

    @Test func keyMakesAJobTheOnlyOne() async throws {
        let service = try await TestService.shared.value
        let body = #"{"kind": "noop", "queue": "held", "delay_s": 600, "key": "only one"}"#
        let first = try await service.ask("POST", "/v1/jobs", body)
        let second = try await service.ask("POST", "/v1/jobs", body)
        let id = try #require(first.json["id"].string)
        #expect(second.status == 202)
        #expect(second.json["id"].string == id)
        #expect(try await service.ask("POST", "/v1/jobs/\(id)/cancel").status == 200)
        #expect(try await service.ask("POST", "/v1/jobs", body).json["id"].string != id)
        expectProblem(try await service.ask("POST", "/v1/jobs/\(id)/retry"), 409, "key_in_use")
    }

    @Test func preferWaitAnswersWithTheFinishedJob() async throws {
        let service = try await TestService.shared.value
        let done = try await service.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "args": {"result": 7}}"#, headers: [("Prefer", "wait=20")])
        #expect(done.status == 200)
        #expect(done.json["state"].string == "succeeded")
        #expect(done.json["result"].int == 7)
        let dead = try await service.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "max_attempts": 1, "args": {"fail": true}}"#,
            headers: [("Prefer", "respond-async, wait=\"20\"; x=y")])
        #expect(dead.status == 200)
        #expect(dead.json["state"].string == "dead")
        #expect(dead.json["error"]["code"].string == "noop_failed")
        let late = try await service.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "queue": "held", "delay_s": 60}"#, headers: [("Prefer", "wait=1")])
        #expect(late.status == 202)
        #expect(late["location"] != nil)
    }

    /// RFC 7240 §2: a preference that cannot be honoured is ignored, never an error.
    @Test(arguments: ["wait=0", "wait=soon", "wait", "wait=-1", "return=minimal", ";,=", "wait=99999999999999999999"])
    func preferencesThatCannotBeHonouredAreIgnored(_ prefer: String) async throws {
        let answer = try await TestService.shared.value.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "queue": "held", "delay_s": 60}"#, headers: [("Prefer", prefer)])
        #expect(answer.status == 202, "\(answer.text)")
    }
}
