import TestSupport
import Testing

@Suite struct OutageTests {
    /// Asks all at once; each is to be told within 8 s.
    private func expectUnavailable(
        _ service: TestService, _ requests: [(method: String, path: String, body: String?, token: String?)]
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for request in requests {
                group.addTask {
                    let watch = Stopwatch()
                    let answer = try await service.ask(
                        request.method, request.path, request.body, token: request.token)
                    expectProblem(answer, 503, "unavailable")
                    #expect(answer["retry-after"].flatMap { Int($0) } != nil)
                    #expect(watch.granted < .seconds(8), "\(request.method) \(request.path)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func withoutPostgresASeenTokenStillReachesRedis() async throws {
        try await PrivatePostgres.with { postgres in
            try await TestService.migrate(postgres.conninfo)
            try await TestService.with(database: postgres.conninfo) { service in
                let seen = try await service.token(for: "boss")
                let unseen = try await service.token(for: "other")
                #expect(try await service.ask("GET", "/v1/queues", token: seen).status == 200)
                #expect(try await service.ask("GET", "/readyz", token: "").status == 200)
                try await postgres.kill()

                let watch = Stopwatch()
                #expect(try await service.ask("GET", "/v1/queues", token: seen).status == 200)
                let job = try await service.ask("POST", "/v1/jobs", #"{"kind": "noop"}"#, token: seen)
                #expect(job.status == 202)
                #expect(try await service.ask("GET", "/v1/me", token: seen).status == 200)
                // What is in memory answers at once.
                #expect(watch.granted < .seconds(2))
                try await expectUnavailable(
                    service,
                    [
                        ("GET", "/v1/ranks", nil, seen), ("POST", "/v1/customers", #"{"qq": 1, "name": "x"}"#, seen),
                        ("GET", "/v1/imports/1", nil, seen), ("POST", "/v1/imports", "姓名,QQ", seen),
                        ("GET", "/v1/queues", nil, unseen), ("GET", "/v1/queues", nil, "pdn_wrong"),
                    ])
                let ready = try await service.ask("GET", "/readyz", token: "")
                #expect(ready.status == 503)
                #expect(ready["retry-after"] != nil)
                #expect(try await service.ask("GET", "/healthz", token: "").status == 200)
                #expect(try await service.ask("GET", "/metrics", token: "").status == 200)

                try await postgres.launch()
                #expect(
                    try await eventually { try await service.ask("GET", "/v1/queues", token: unseen).status == 200 })
                #expect(try await eventually { try await service.ask("GET", "/readyz", token: "").status == 200 })
            }
        }
    }

    @Test func withoutRedisWhatNeedsItIs503() async throws {
        try await TestService.with { service in
            #expect(try await service.ask("GET", "/v1/queues").status == 200)
            service.redis.stop()
            try await expectUnavailable(
                service,
                [
                    ("GET", "/v1/queues", nil, nil), ("POST", "/v1/jobs", #"{"kind": "noop"}"#, nil),
                    ("GET", "/v1/jobs", nil, nil), ("GET", "/v1/jobs/abc", nil, nil), ("GET", "/v1/workers", nil, nil),
                    ("POST", "/v1/queues/default/pause", nil, nil),
                ])
            expectProblem(try await service.ask("POST", "/v1/jobs", #"{"kind": "nothing"}"#), 422)
            #expect(try await service.ask("GET", "/v1/ranks").status == 200)
            #expect(try await service.ask("POST", "/v1/customers", #"{"qq": 12345, "name": "王五"}"#).status == 201)
            #expect(try await service.ask("POST", "/v1/imports", "姓名,QQ\n张三,123456\n").status == 202)
            #expect(try await service.ask("GET", "/readyz", token: "").status == 503)
            #expect(try await service.ask("GET", "/metrics", token: "").status == 200)
            try await service.redis.start()
            #expect(try await eventually { try await service.ask("GET", "/v1/queues").status == 200 })
            #expect(try await eventually { try await service.ask("GET", "/readyz", token: "").status == 200 })
        }
    }
}
