import Testing

@Suite struct QueueTests {
    @Test func pauseHoldsJobsAndResumeLetsThemGo() async throws {
        let service = try await TestService.shared.value
        let paused = try await service.ask("POST", "/v1/queues/toggled/pause")
        #expect(paused.status == 200)
        #expect(paused.json["name"].string == "toggled")
        #expect(paused.json["paused"].bool == true)
        #expect(try await service.ask("POST", "/v1/queues/toggled/pause").status == 200)
        let answer = try await service.ask(
            "POST", "/v1/jobs", #"{"kind": "noop", "queue": "toggled"}"#, headers: [("Prefer", "wait=1")])
        #expect(answer.status == 202)
        #expect(answer.json["state"].string == "queued")
        let list = try await service.ask("GET", "/v1/queues")
        let queue = try #require(list.json["items"].items.first { $0["name"].string == "toggled" })
        #expect(queue["depth"].int == 1)
        #expect(queue["paused"].bool == true)
        #expect(queue["running"].int == 0)
        for member in ["oldest_age_s", "rate"] { #expect(queue[member].raw.flatMap { Double($0) } != nil, "\(member)") }
        let resumed = try await service.ask("POST", "/v1/queues/toggled/resume")
        #expect(resumed.json["paused"].bool == false)
        _ = try await service.job(answer.json["id"].string ?? "", in: "succeeded")
        #expect(list.json["next_cursor"].isNull)
        #expect(
            Set(list.json["items"].items.compactMap { $0["name"].string })
                == ["bulk", "critical", "default", "held", "held2", "toggled"])
    }

    @Test(arguments: ["nowhere", "assign", "Default", "%E5%BC%A0"]) func unknownQueues(_ name: String) async throws {
        let service = try await TestService.shared.value
        for verb in ["pause", "resume"] {
            expectProblem(try await service.ask("POST", "/v1/queues/\(name)/\(verb)"), 404, "not_found")
        }
    }

    @Test func workersAreListed() async throws {
        let service = try await TestService.shared.value
        var workers = JSON.missing
        #expect(
            try await eventually {
                workers = try await service.ask("GET", "/v1/workers").json
                return !workers["items"].items.isEmpty
            })
        let worker = workers["items"][0]
        #expect(worker["host"].string?.isEmpty == false)
        #expect(worker["pid"].int != nil)
        #expect(worker["version"].string != nil)
        #expect(worker["started_at"].string?.hasSuffix("+08:00") == true)
        #expect(worker["running"].int != nil)
    }
}
