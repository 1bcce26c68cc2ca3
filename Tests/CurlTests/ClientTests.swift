import Curl
import TestSupport
import Testing

@Suite struct ClientTests {
    @Test("a request that waits is cancelled without being sent")
    func cancelWaiting() async throws {
        var configuration = CurlConfiguration()
        configuration.transfers = 1
        let client = CurlClient(configuration)
        let server = try FakeHTTPServer { _ in .silence }
        let running = send(client, server.url + "/running")
        _ = try await server.requests(atLeast: 1)
        let waiting = send(client, server.url + "/waiting")
        try await waitUntil(within: .seconds(5), "second request waits") { client.statistics.depth == 2 }
        waiting.cancel()
        let error = await waiting.value
        #expect(error?.code == .cancelled)
        #expect(error?.mayHaveRun == false)
        running.cancel()
        let second = await running.value
        #expect(second?.code == .cancelled)
        #expect(second?.mayHaveRun == true)
        #expect(server.requests.map(\.target) == ["/running"])
        try await waitUntil(within: .seconds(5), "empty client") { client.statistics.depth == 0 }
    }

    @Test("a task cancelled already sends nothing")
    func cancelledBefore() async throws {
        let client = CurlClient()
        let server = try FakeHTTPServer()
        let task = Task { () -> CurlError? in
            while !Task.isCancelled { await Task.yield() }
            do throws(CurlError) {
                _ = try await client.send(HTTPRequest("POST", server.url, body: [1]))
                return nil
            } catch { return error }
        }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        _ = try await client.send(HTTPRequest("GET", server.url + "/after"))
        #expect(server.requests.map(\.target) == ["/after"])
    }

    @Test("over the limit requests are refused at once")
    func full() async throws {
        var configuration = CurlConfiguration()
        configuration.inboxLimit = 2
        let client = CurlClient(configuration)
        let server = try FakeHTTPServer { _ in .silence }
        let running = (0..<2).map { _ in send(client, server.url) }
        try await waitUntil(within: .seconds(5), "two requests") { client.statistics.depth == 2 }
        #expect(await send(client, server.url).value?.code == .full)
        for task in running { task.cancel() }
        for task in running { #expect(await task.value?.code == .cancelled) }
    }

    @Test("the deadline counts the time in the queue")
    func deadlineInQueue() async throws {
        var configuration = CurlConfiguration()
        configuration.transfers = 1
        let client = CurlClient(configuration)
        let server = try FakeHTTPServer { _ in .silence }
        let running = send(client, server.url)
        _ = try await server.requests(atLeast: 1)
        let error = await send(client, server.url + "/late", timeout: .milliseconds(100)).value
        #expect(error?.code == .timedOut)
        #expect(error?.mayHaveRun == false)
        running.cancel()
        _ = await running.value
        #expect(server.requests.count == 1)
    }

    @Test("after close() nothing is taken, and what runs is finished")
    func close() async throws {
        let client = CurlClient()
        let server = try FakeHTTPServer()
        _ = try await client.send(HTTPRequest("GET", server.url))
        client.close()
        #expect(await send(client, server.url).value?.code == .closed)
    }

    @Test("connections are closed after the idle time")
    func idle() async throws {
        var configuration = CurlConfiguration()
        configuration.idle = .seconds(1)
        let client = CurlClient(configuration)
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        _ = try await client.send(try await mail(to: server))
        try await waitUntil(within: .seconds(10), "QUIT") { server.commands.last == "QUIT" }
        _ = try await client.send(try await mail(to: server))
        #expect(server.mails.map(\.connection) == [1, 2])
    }

    @Test("many requests at once all get their own answer")
    func many() async throws {
        let client = CurlClient()
        let server = try FakeHTTPServer { .answer(200, body: $0.text) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let body = Array("\(number)".utf8)
                    return try await client.send(HTTPRequest("POST", server.url, body: body)).body == body
                }
            }
            for try await isOwn in group { #expect(isOwn) }
        }
        #expect(client.statistics.answered == 200)
        #expect(client.statistics.connections <= 8)
    }

    private func send(
        _ client: CurlClient, _ url: String, timeout: Duration = .seconds(20)
    ) -> Task<CurlError?, Never> {
        var request = HTTPRequest("POST", url, body: [1])
        request.timeout = timeout
        return Task { [request] in
            do throws(CurlError) {
                _ = try await client.send(request)
                return nil
            } catch { return error }
        }
    }
}

/// A mail for a fake server, which takes it.
func mail(to server: FakeSMTPServer, recipients: [String] = ["li@example.com"]) async throws -> SMTPMessage {
    var message = SMTPMessage(
        url: server.url, helloName: "paidan.example.com", sender: "crm@example.com", recipients: recipients,
        data: Array("Subject: x\r\n\r\n.dot first\r\ntext\r\n".utf8))
    message.caFile = try await TestCertificate.shared.value.certificate
    message.credentials = SMTPMessage.Credentials(username: "crm", password: "canary-pass-1")
    return message
}
