import Curl
import Foundation
import TestSupport
import Testing

@Suite struct HTTPTests {
    private let client = CurlClient()

    @Test("method, headers and body arrive as given, and the answer comes back")
    func roundTrip() async throws {
        let server = try FakeHTTPServer { _ in
            .answer(201, headers: ["Retry-After": " 7 "], body: #"{"errcode":0}"#)
        }
        var request = HTTPRequest("POST", server.url + "/send?key=k%2B1", body: Array("正文".utf8))
        request.headers = [("Content-Type", "application/json"), ("X-Empty", "")]
        let response = try await client.send(request)
        #expect(response.status == 201)
        #expect(response.header("retry-after") == "7")
        #expect(response.body == Array(#"{"errcode":0}"#.utf8))
        let seen = try #require(server.requests.first)
        #expect(seen.method == "POST")
        #expect(seen.target == "/send?key=k%2B1")
        #expect(seen.headers["content-type"] == "application/json")
        #expect(seen.headers["x-empty"] == "")
        #expect(seen.headers["expect"] == nil)
        #expect(seen.text == "正文")
    }

    @Test("requests one after the other use one connection")
    func keepsConnection() async throws {
        let server = try FakeHTTPServer()
        for _ in 0..<5 { _ = try await client.send(HTTPRequest("POST", server.url, body: [1])) }
        #expect(Set(server.requests.map(\.connection)) == [1])
        #expect(client.statistics.connections == 1)
        #expect(client.statistics.answered == 5)
    }

    @Test("a refused connection did not run; one lost after the request may have")
    func mayHaveRun() async throws {
        let gone = try FakeHTTPServer()
        gone.stop()
        try await waitUntil(within: .seconds(5), "listener closed") {
            await failure(HTTPRequest("POST", gone.url, body: [1]))?.code == .unreachable
        }
        let refused = await failure(HTTPRequest("POST", gone.url, body: [1]))
        #expect(refused?.mayHaveRun == false)

        let dropping = try FakeHTTPServer { _ in .drop }
        let dropped = await failure(HTTPRequest("POST", dropping.url, body: [1]))
        #expect(dropped?.code == .dropped)
        #expect(dropped?.mayHaveRun == true)

        let half = try FakeHTTPServer { _ in .dropInBody }
        let cut = await failure(HTTPRequest("POST", half.url, body: [1]))
        #expect(cut?.code == .dropped)
        #expect(cut?.mayHaveRun == true)
    }

    @Test("a body is never sent twice by libcurl, even when a kept connection turns out dead")
    func neverRepeats() async throws {
        let server = try FakeHTTPServer { $0.text == "second" ? .drop : .json("{}") }
        _ = try await client.send(HTTPRequest("POST", server.url, body: Array("first".utf8)))
        let error = await failure(HTTPRequest("POST", server.url, body: Array("second".utf8)))
        #expect(error?.mayHaveRun == true)
        #expect(server.requests.map(\.text) == ["first", "second"])
    }

    @Test("a silent server is given up at the deadline, and the request may have run")
    func timesOut() async throws {
        let server = try FakeHTTPServer { _ in .silence }
        var request = HTTPRequest("POST", server.url, body: [1])
        request.timeout = .milliseconds(200)
        let watch = Stopwatch()
        let error = await failure(request)
        #expect(error?.code == .timedOut)
        #expect(error?.mayHaveRun == true)
        #expect(watch.granted < .seconds(5))
    }

    @Test("a redirect is an answer and is not followed")
    func redirect() async throws {
        let target = try FakeHTTPServer()
        let server = try FakeHTTPServer { _ in .answer(302, headers: ["Location": target.url], body: "") }
        #expect(try await client.send(HTTPRequest("GET", server.url)).status == 302)
        #expect(target.requests.isEmpty)
    }

    @Test("a response over the limit is an error")
    func responseLimit() async throws {
        let server = try FakeHTTPServer { _ in .json(String(repeating: "x", count: 1000)) }
        var request = HTTPRequest("GET", server.url)
        request.responseLimit = 1000
        #expect(try await client.send(request).body.count == 1000)
        request.responseLimit = 999
        #expect(await failure(request)?.code == .tooLarge)
    }

    @Test(
        "what could change the request's meaning is refused before libcurl",
        arguments: ["http://127.0.0.1:1/a\r\nHost: b", "http://127.0.0.1:1/中", "", "http://127.0.0.1:1/a b"])
    func refusedURL(_ url: String) async {
        #expect(await failure(HTTPRequest("GET", url))?.code == .invalid)
    }

    @Test("header injection is refused")
    func refusedHeader() async throws {
        let server = try FakeHTTPServer()
        for header in [("A", "b\r\nC: d"), ("A\r\nB", "c"), ("A", "b\nc"), ("", "x")] {
            #expect(await failure(HTTPRequest("GET", server.url, headers: [header]))?.code == .invalid)
        }
        #expect(server.requests.isEmpty)
    }

    @Test("other protocols are refused", arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "dict://127.0.0.1:1/"])
    func protocols(_ url: String) async {
        #expect(await failure(HTTPRequest("GET", url))?.code == .invalid)
    }

    @Test("plain HTTP is refused where only HTTPS is allowed")
    func httpsOnly() async throws {
        let server = try FakeHTTPServer()
        var request = HTTPRequest("GET", server.url)
        request.httpsOnly = true
        #expect(await failure(request)?.code == .invalid)
    }

    @Test("certificates are verified: unknown ones are refused before the request, ca_file makes them known")
    func certificates() async throws {
        let certificate = try await TestCertificate.shared.value
        let server = try FakeHTTPServer(tls: certificate)
        var request = HTTPRequest("POST", server.url, body: [1])
        let error = await failure(request)
        #expect(error?.code == .certificate)
        #expect(error?.mayHaveRun == false)
        request.caFile = certificate.certificate
        #expect(try await client.send(request).status == 200)
        request.caFile = "/nonexistent.pem"
        #expect(await failure(request)?.code == .certificate)
        #expect(server.requests.count == 1)
    }

    @Test("a proxy is used only if set, whatever the environment says")
    func proxy() async throws {
        let proxy = try FakeHTTPServer { _ in .answer(200, body: "from the proxy") }
        let server = try FakeHTTPServer { _ in .answer(200, body: "direct") }
        var request = HTTPRequest("GET", server.url + "/x")
        unsafe setenv("http_proxy", proxy.url, 1)
        let direct = try await client.send(request)
        unsafe unsetenv("http_proxy")
        #expect(direct.body == Array("direct".utf8))
        request.proxy = proxy.url
        #expect(try await client.send(request).body == Array("from the proxy".utf8))
        #expect(proxy.requests.first?.target == server.url + "/x")
    }

    private func failure(_ request: HTTPRequest) async -> CurlError? {
        do {
            _ = try await client.send(request)
            return nil
        } catch { return error }
    }
}
