import HTTPTypes
import Testing

@testable import API

@Suite struct RoutingTests {
    static let table = RouteTable([
        Endpoint(.get, "/v1/ranks", "") { _ in Reply() }, Endpoint(.put, "/v1/ranks", "") { _ in Reply() },
        Endpoint(.get, "/v1/ranks/cycle", "") { _ in Reply() }, Endpoint(.get, "/v1/ranks/{id}", "") { _ in Reply() },
        Endpoint(.post, "/v1/jobs/{id}/retry", "") { _ in Reply() },
    ])

    private func match(_ path: String) -> RouteTable.Match? {
        NormalPath.segments(path[...]).flatMap { Self.table.match($0) }
    }

    @Test func literalsBeatParameters() {
        #expect(match("/v1/ranks/cycle")?.parameters == [:])
        #expect(match("/v1/ranks/7")?.parameters == ["id": "7"])
        #expect(match("/v1/ranks")?.endpoints.map(\.method) == [.get, .put])
        #expect(match("/v1/jobs/a%E5%BC%A0/retry")?.parameters == ["id": "a张"])
        #expect(match("/v1/other") == nil)
    }

    /// What is permitted must be what is routed: only one spelling of a path exists.
    @Test(arguments: [
        "/v1/ranks/", "//v1/ranks", "/v1//ranks", "/v1/./ranks", "/v1/imports/../ranks", "/v1/%72anks", "/v1%2Franks",
        "/v1/ranks/%2e", "/v1/ranks/%", "/v1/ranks/%zz", "/v1/ranks%0A", "/v1/ranks/%5Ccycle", "v1/ranks",
        "/v1/ranks/%+1",
        "",
    ])
    func otherSpellingsAreNoPath(_ path: String) {
        #expect(match(path) == nil)
    }

    @Test func queries() throws {
        let query = try #require(Query("a=1&b=x%20y+z&a=2&c"))
        #expect(query["a"] == "2")
        #expect(query.all("a") == ["1", "2"])
        #expect(query["b"] == "x y z")
        #expect(try query.boolean("c"))
        #expect(query["c"] == nil)
        // As a form sends what nobody filled in.
        #expect(Query("consultant=&q=&q=x&limit=")?.all("consultant") == [])
        #expect(Query("q=&q=x&q=")?["q"] == "x")
        #expect(try Query("limit=")?.limit() == 50)
        #expect(try Query("force=")?.boolean("force") == false)
        #expect(Query("cursor=")?.cursor == "")
        #expect(Query("a=%zz") == nil)
        #expect(try Query("limit=500")?.limit() == 200)
        #expect(throws: Problem.self) { try Query("limit=0")?.limit() }
    }

    @Test func failedTokensAreLimitedPerAddress() {
        let failures = FailedTokens()
        let start = ContinuousClock.now
        for _ in 0..<100 { #expect(failures.note("10.0.0.1", now: start) == nil) }
        #expect(failures.note("10.0.0.1", now: start) == 61)
        #expect(failures.note("10.0.0.2", now: start) == nil)
        #expect(failures.note("10.0.0.1", now: start + .seconds(61)) == nil)
    }
}
