import Testing

/// Contract: 401, 404 (route), 405, 403, 413/415, 400, 404 (object), 422, 409.
@Suite struct OrderTests {
    @Test func withoutTokenNothingIsTold() async throws {
        let service = try await TestService.shared.value
        for path in ["/v1/jobs", "/v1/nothing", "/", "/v1/jobs/", "/v1/%6Aobs", "/v1/jobs/x/retry", "/v1"] {
            for method in ["GET", "PUT", "POST"] {
                let answer = try await service.ask(method, path, token: "")
                expectProblem(answer, 401, "unauthorized")
                #expect(answer["www-authenticate"]?.hasPrefix("Bearer") == true)
            }
        }
        let basic = try await service.ask("GET", "/v1/me", token: "", headers: [("Authorization", "Basic abc")])
        expectProblem(basic, 401)
        expectProblem(try await service.ask("GET", "/v1/me", token: "pdn_wrong"), 401)
    }

    @Test func routeBeforeMethodBeforePermission() async throws {
        let service = try await TestService.shared.value
        let nobody = try await service.token(for: "nobody", roles: [])
        expectProblem(try await service.ask("GET", "/v1/nothing", token: nobody), 404, "not_found")
        let method = try await service.ask("DELETE", "/v1/jobs", token: nobody)
        expectProblem(method, 405, "method_not_allowed")
        #expect(method["allow"].map { Set($0.split(separator: ", ")) } == ["GET", "HEAD", "POST"])
        expectProblem(try await service.ask("PATCH", "/v1/me", token: nobody), 405)
        expectProblem(try await service.ask("POST", "/healthz", token: ""), 405)
        expectProblem(try await service.ask("GET", "/v1/jobs", token: nobody), 403, "forbidden")
        // 403 before 413, 415, 400, 404 and 422.
        expectProblem(try await service.ask("POST", "/v1/jobs", "x", token: nobody, type: "text/plain"), 403)
        expectProblem(try await service.ask("GET", "/v1/jobs/unknown", token: nobody), 403)
        expectProblem(try await service.ask("GET", "/v1/jobs?limit=x", token: nobody), 403)
    }

    @Test func sizeAndTypeBeforeContent() async throws {
        let service = try await TestService.shared.value
        expectProblem(try await service.ask("POST", "/v1/jobs", "{", type: "text/plain"), 415)
        expectProblem(try await service.ask("POST", "/v1/jobs?x=%zz", "{}", type: "text/plain"), 415)
        expectProblem(try await service.ask("POST", "/v1/jobs?colour=red", "{"), 400)
        expectProblem(try await service.ask("PUT", "/v1/ranks?colour=red", "["), 400)
        expectProblem(try await service.ask("POST", "/v1/customers?colour=red", "{"), 400)
        expectProblem(
            try await service.ask("POST", "/v1/jobs", "{}", headers: [("Content-Encoding", "gzip")]), 415)
        #expect(
            try await service.ask(
                "POST", "/v1/jobs", #"{"kind": "noop"}"#, type: "application/json; charset=UTF-8"
            ).status == 202)
    }

    @Test func objectBeforeContent() async throws {
        let service = try await TestService.shared.value
        for path in [
            "/v1/jobs/unknown", "/v1/customers/999999", "/v1/imports/999999", "/v1/imports/999999/rows",
            "/v1/imports/999999/errors",
        ] {
            expectProblem(try await service.ask("GET", "\(path)?colour=red&limit=x"), 404, "not_found")
        }
        for path in ["/v1/jobs/unknown/retry", "/v1/queues/nowhere/pause", "/v1/imports/999999/undo"] {
            expectProblem(try await service.ask("POST", "\(path)?colour=red"), 404, "not_found")
        }
    }

    /// What is permitted must be what is routed: another spelling of a path is no path, whatever one may call.
    @Test(arguments: [
        "/v1/jobs/", "//v1/jobs", "/v1//jobs", "/v1/./jobs", "/v1/imports/../ranks", "/v1/imports/%2e%2e/ranks",
        "/v1/%6Aobs", "/v1%2Fjobs", "/v1/jobs%2Fx", "/v1/jobs%2fx/retry", "/v1/jobs/%41", "/v1/jobs/a%2Db",
        "/v1/jobs/%", "/v1/jobs/%4", "/v1/jobs/..", "/v1/jobs/.", "/v1/jobs%0A", "/v1/jobs%00", "/V1/jobs", "/v1/Jobs",
        "/healthz/", "//healthz", "/./healthz", "/%68ealthz", "/v1/jobs/%5Cx", "/v1/jobs;x=1", "v1/jobs", "*",
    ])
    func otherSpellingsAreNotFound(_ path: String) async throws {
        let service = try await TestService.shared.value
        let nobody = try await service.token(for: "nobody", roles: [])
        for token in [nobody, try await service.token(for: "boss")] {
            let answer = try await service.raw("GET \(path) HTTP/1.1", token: token)
            // A target that HTTP itself forbids may be refused as malformed.
            let allowed = path.hasPrefix("/") ? ["404"] : ["404", "400"]
            #expect(allowed.contains(String(answer.dropFirst(9).prefix(3))), "\(path): \(answer)")
        }
    }

    @Test func headIsGetWithoutBody() async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "boss")
        for (path, token, status) in [
            ("/healthz", nil, 200), ("/v1/me", token, 200), ("/v1/jobs", token, 200), ("/v1/nothing", token, 404),
            ("/v1/jobs", nil, 401), ("/v1/imports/template", token, 200), ("/v1/jobs/bulk", token, 405),
        ] as [(String, String?, Int)] {
            let answer = try await service.raw("HEAD \(path) HTTP/1.1", token: token)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(path): \(answer)")
            #expect(answer.hasSuffix("\r\n\r\n"), "\(path): \(answer)")
        }
    }
}
