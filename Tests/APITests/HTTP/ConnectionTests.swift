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

    @Test(arguments: ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"])
    func whatIsNoHTTPIsRefused(_ text: String) async throws {
        let service = try await TestService.shared.value
        let answer = try await RawHTTP(port: service.port).exchange(text)
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 ") || answer.hasPrefix("HTTP/1.1 5"), "\(answer)")
        #expect(try await service.ask("GET", "/healthz", token: "").status == 200)
    }
}
