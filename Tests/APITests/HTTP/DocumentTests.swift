import Testing

@Suite struct DocumentTests {
    @Test func openAPIHasEveryRouteAndNoOther() async throws {
        let service = try await TestService.shared.value
        let answer = try await service.ask("GET", "/openapi.json", token: "")
        #expect(answer.status == 200)
        #expect(answer["content-type"]?.hasPrefix("application/json") == true)
        let document = answer.json
        #expect(document["openapi"].string?.hasPrefix("3.1") == true)
        #expect(document["info"]["title"].string != nil)
        #expect(document["info"]["version"].string != nil)
        let paths = document["paths"].members
        let known = Set(paths.map(\.name))
        #expect(
            known.isSuperset(of: [
                "/v1/jobs", "/v1/jobs/bulk", "/v1/jobs/{id}", "/v1/jobs/{id}/retry", "/v1/jobs/{id}/cancel",
                "/v1/queues", "/v1/queues/{name}/pause", "/v1/queues/{name}/resume", "/v1/imports", "/v1/imports/{id}",
                "/v1/imports/{id}/rows", "/v1/imports/{id}/errors", "/v1/imports/{id}/cancel", "/v1/imports/{id}/undo",
                "/v1/imports/template", "/v1/customers", "/v1/customers/{id}", "/v1/ranks", "/v1/ranks/cycle",
                "/v1/fairness", "/v1/absences", "/v1/workers", "/v1/me", "/healthz", "/readyz", "/metrics",
                "/openapi.json",
            ]), "\(known)")
        // A forecast is answered at once, a sweep is a job.
        #expect(
            Set(document["paths"]["/v1/sweeps"]["post"]["responses"].members.map(\.name)) == ["200", "202", "default"])
        // Each described method is routed, each other one is 405: so no route is left out.
        for (path, operations) in paths {
            let sample = path.replacing("{id}", with: "999999").replacing("{name}", with: "nowhere")
            let described = Set(operations.members.map { $0.name.uppercased() })
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                let answer = try await service.ask(method, sample, type: "text/nonsense")
                #expect((answer.status != 405) == described.contains(method), "\(method) \(sample): \(answer.status)")
            }
            for (method, operation) in operations.members {
                #expect(!operation["responses"].members.isEmpty, "\(method) \(path)")
                let parameters = operation["parameters"].items.filter { $0["in"].string == "path" }
                #expect(parameters.compactMap { $0["name"].string } == Self.names(in: path), "\(method) \(path)")
                #expect(parameters.allSatisfy { $0["required"].bool == true })
            }
        }
    }

    private static func names(in path: String) -> [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }

    @Test func healthAndReadinessNeedNoToken() async throws {
        let service = try await TestService.shared.value
        #expect(try await service.ask("GET", "/healthz", token: "").status == 200)
        #expect(try await service.ask("GET", "/healthz", token: "wrong").status == 200)
        let ready = try await service.ask("GET", "/readyz", token: "")
        #expect(ready.status == 200, "\(ready.text)")
    }

    @Test func metricsAreOpenOnThisMachineOnly() async throws {
        let service = try await TestService.shared.value
        let open = try await service.ask("GET", "/metrics", token: "")
        #expect(open.status == 200)
        #expect(open["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(open.text.contains("paidan_queue_depth{queue=\"default\"}"))
        for header in [
            "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via",
            "X-Forwarded-Port",
        ] {
            let headers = [(name: header, value: "10.0.0.1")]
            expectProblem(try await service.ask("GET", "/metrics", token: "", headers: headers), 401)
            #expect(try await service.ask("GET", "/metrics", headers: headers).status == 200)
            let nobody = try await service.token(for: "nobody", roles: [])
            expectProblem(try await service.ask("GET", "/metrics", token: nobody, headers: headers), 403)
        }
    }

    @Test func meTellsTheCallerWhatHeMay() async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "seller me", roles: ["销售"], seller: true)
        let me = try await service.ask("GET", "/v1/me", token: token)
        #expect(me.status == 200)
        #expect(me.json["id"].string != nil)
        #expect(me.json["username"].string == "seller me")
        #expect(me.json["seller_id"].string != nil)
        let codes = me.json["codes"].items.compactMap(\.string)
        #expect(codes.contains("customer.grab"))
        #expect(!codes.contains("customer.all"))
        #expect(me.json["menu"][0]["groups"][0]["permissions"][0]["code"].string != nil)
        let nobody = try await service.ask("GET", "/v1/me", token: try await service.token(for: "nobody", roles: []))
        #expect(nobody.status == 200)
        #expect(nobody.json["codes"].raw == "[]")
        #expect(nobody.json["menu"].raw == "[]")
    }

    @Test func aRequestIDComesBack() async throws {
        let service = try await TestService.shared.value
        let given = try await service.ask("GET", "/healthz", token: "", headers: [("X-Request-ID", "abc-1")])
        #expect(given["x-request-id"] == "abc-1")
        #expect(try await service.ask("GET", "/healthz", token: "")["x-request-id"]?.isEmpty == false)
    }
}
