import TestSupport
import Testing

@Suite struct ConnectionTests {
    @Test func aThousandOpenConnectionsAreServed() async throws {
        let service = try await TestService.shared.value
        let connections = try (0..<1_000).map { _ in try RawHTTP(port: service.port) }
        // All are open before the first asks.
        let answers = await withTaskGroup(of: String.self) { group in
            for part in stride(from: 0, to: connections.count, by: 50) {
                group.addTask {
                    var all = ""
                    for connection in connections[part..<(part + 50)] {
                        all += await connection.exchange(
                            "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", until: "\r\n\r\nok"
                        ).prefix(15)
                    }
                    return all
                }
            }
            return await group.reduce(into: "") { $0 += $1 }
        }
        #expect(answers == String(repeating: "HTTP/1.1 200 OK", count: 1_000))
    }

    @Test func aConnectionIsKeptAndPipelined() async throws {
        let service = try await TestService.shared.value
        let connection = try RawHTTP(port: service.port)
        let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for _ in 0..<3 {
            #expect(await connection.exchange(request, until: "\r\n\r\nok\n").hasPrefix("HTTP/1.1 200 "))
        }
        let last = "GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        let answers = await connection.exchange(request + request + last)
        #expect(answers.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["200", "200", "401"])
    }

    @Test(
        "what is no HTTP is answered with a problem that says what is wrong, and the connection ends",
        arguments: [
            ("nonsense\r\n\r\n", 400, "no valid HTTP/1.1"),
            ("GET / HTTP/9.9\r\n\r\n", 400, "no valid HTTP/1.1"),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "no valid HTTP/1.1"),
            ("GET /v1/customers?q=王 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "must be percent-encoded"),
            ("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 90_000) + "\r\n\r\n", 431, "at most 80 KiB"),
        ])
    func whatIsNoHTTPIsRefused(_ text: String, _ status: Int, _ detail: String) async throws {
        let service = try await TestService.shared.value
        let answer = try await RawHTTP(port: service.port).exchange(text)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        #expect(answer.contains("application/problem+json") && answer.contains(detail), "\(answer)")
        #expect(try await service.ask("GET", "/healthz", token: "").status == 200)
    }

    @Test("what was asked before the nonsense is answered first")
    func nonsenseAfterARequest() async throws {
        let service = try await TestService.shared.value
        let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        let connection = try RawHTTP(port: service.port)
        #expect(await connection.exchange(request, until: "\r\n\r\nok\n").hasPrefix("HTTP/1.1 200 "))
        let later = await connection.exchange("nonsense\r\n\r\n")
        #expect(later.hasPrefix("HTTP/1.1 400 ") && later.contains("no valid HTTP/1.1"), "\(later)")
        let together = try await RawHTTP(port: service.port).exchange(request + "nonsense\r\n\r\n")
        #expect(together.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["200", "400"], "\(together)")
    }
}
