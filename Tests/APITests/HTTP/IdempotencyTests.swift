import Testing

@Suite struct IdempotencyTests {
    private func post(
        _ key: String, _ body: String, token: String? = nil, prefer: String? = nil
    ) async throws -> Answer {
        var headers: [(name: String, value: String)] = [("Idempotency-Key", key)]
        if let prefer { headers.append(("Prefer", prefer)) }
        return try await TestService.shared.value.ask("POST", "/v1/jobs", body, token: token, headers: headers)
    }

    @Test func sameKeyAndBodyIsTheSameJob() async throws {
        let body = #"{"kind": "noop", "queue": "held", "delay_s": 600}"#
        let first = try await post("k-1", body)
        let second = try await post("k-1", body)
        #expect(first.status == 202)
        #expect(second.status == 202)
        #expect(second.json["id"].string == first.json["id"].string)
        #expect(second["location"] == first["location"])
        #expect(try await post("k-2", body).json["id"].string != first.json["id"].string)
    }

    @Test func sameKeyAndOtherBodyIsRefused() async throws {
        let first = try await post("k-3", #"{"kind": "noop", "queue": "held", "delay_s": 600}"#)
        expectProblem(
            try await post("k-3", #"{"kind": "noop", "queue": "held", "delay_s": 601}"#), 422, "idempotency_mismatch")
        let again = try await post("k-3", #"{"kind": "noop", "queue": "held", "delay_s": 600}"#)
        #expect(again.json["id"].string == first.json["id"].string)
    }

    @Test func anotherQueueOrUserHasKeysOfItsOwn() async throws {
        let service = try await TestService.shared.value
        let first = try await post("k-4", #"{"kind": "noop", "queue": "held", "delay_s": 600}"#)
        let queue = try await post("k-4", #"{"kind": "noop", "queue": "held2", "delay_s": 600}"#)
        #expect(queue.status == 202, "\(queue.text)")
        #expect(queue.json["id"].string != first.json["id"].string)
        let other = try await service.token(for: "second boss")
        let user = try await post("k-4", #"{"kind": "noop", "queue": "held", "delay_s": 600}"#, token: other)
        #expect(user.status == 202)
        #expect(user.json["id"].string != first.json["id"].string)
    }

    @Test func aRefusedRequestBindsNoKey() async throws {
        expectProblem(try await post("k-5", #"{"kind": "nothing"}"#), 422)
        #expect(try await post("k-5", #"{"kind": "noop", "queue": "held", "delay_s": 600}"#).status == 202)
        expectProblem(try await post("k-5", #"{"kind": "noop", "queue": "held", "delay_s": 5}"#), 422)
        let other = try await post("k-6", #"{"kind": "noop", "queue": "nowhere"}"#)
        expectProblem(other, 422)
        #expect(try await post("k-6", #"{"kind": "noop"}"#).status == 202)
    }

    @Test func keysOutOfBoundsAreRefused() async throws {
        expectProblem(try await post(String(repeating: "k", count: 201), #"{"kind": "noop"}"#), 422)
        #expect(try await post(String(repeating: "k", count: 200), #"{"kind": "noop"}"#).status == 202)
    }

    /// Whoever asked for the finished job and got it gets it again; whoever got 202 gets 202.
    @Test func aRepeatAnswersWithTheFirstAnswersStatus() async throws {
        let service = try await TestService.shared.value
        let body = #"{"kind": "noop", "args": {"result": 1}}"#
        let waited = try await post("k-7", body, prefer: "wait=20")
        #expect(waited.status == 200)
        for prefer in ["wait=20", nil] {
            let again = try await post("k-7", body, prefer: prefer)
            #expect(again.status == 200)
            #expect(again.json["id"].string == waited.json["id"].string)
            #expect(again.json["result"].int == 1)
        }
        let first = try await post("k-8", body)
        #expect(first.status == 202)
        _ = try await service.job(first.json["id"].string ?? "", in: "succeeded")
        for prefer in ["wait=20", nil] {
            let again = try await post("k-8", body, prefer: prefer)
            #expect(again.status == 202)
            #expect(again["location"] == first["location"])
            #expect(again.json["state"].string == "succeeded")
        }
    }
}
