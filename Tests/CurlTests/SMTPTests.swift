import Curl
import TestSupport
import Testing

private typealias Step = FakeSMTPServer.Step

@Suite struct SMTPTests {
    private let client = CurlClient()

    @Test("a mail arrives whole, over TLS, after the login", arguments: [false, true])
    func delivers(implicitTLS: Bool) async throws {
        var options = FakeSMTPServer.Options()
        options.implicitTLS = implicitTLS
        let server = try FakeSMTPServer(try await TestCertificate.shared.value, options)
        let report = try await client.send(try await mail(to: server))
        #expect(report.isAccepted)
        #expect(report.reply == SMTPReply(code: 250, enhanced: "2.0.0", text: "queued"))
        #expect(report.recipients.map(\.code) == [250])
        #expect(
            server.mails == [
                FakeSMTPServer.Mail(
                    sender: "crm@example.com", recipients: ["li@example.com"],
                    data: "Subject: x\r\n\r\n.dot first\r\ntext\r\n", authenticated: true, secure: true, connection: 1)
            ])
        #expect(server.commands.first == "EHLO paidan.example.com")
    }

    @Test("mails one after the other use one connection and one login")
    func reuse() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        for _ in 0..<3 { #expect(try await client.send(try await mail(to: server)).isAccepted) }
        #expect(server.mails.map(\.connection) == [1, 1, 1])
        #expect(server.commands.count { $0.hasPrefix("AUTH") } == 1)
    }

    @Test("a connection is given up after the set number of mails")
    func mailsPerConnection() async throws {
        var configuration = CurlConfiguration()
        configuration.mailsPerConnection = 2
        let client = CurlClient(configuration)
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        for _ in 0..<4 { _ = try await client.send(try await mail(to: server)) }
        #expect(server.mails.map(\.connection) == [1, 1, 2, 2])
    }

    @Test(
        "a refusal is reported with its phase and codes, and the next mail has a new connection",
        arguments: [
            (Step.greeting, "421 4.3.2 closing", SMTPPhase.greeting, 421),
            (.greeting, "554 no service", .greeting, 554),
            (.startTLS, "454 4.7.0 not now", .startTLS, 454),
            (.authResponse, "535 5.7.8 bad password", .auth, 535),
            (.authResponse, "454 4.7.0 temporary", .auth, 454),
            (.mail("crm@example.com"), "451 4.3.0 later", .mail, 451),
            (.mail("crm@example.com"), "552 5.3.4 too big", .mail, 552),
            (.recipient("li@example.com"), "452 4.2.2 full", .recipient, 452),
            (.recipient("li@example.com"), "550-5.1.1 no such\n550 5.1.1 user", .recipient, 550),
            (.data, "421 4.3.0 closing", .data, 421),
            (.data, "554 5.7.1 no", .data, 554),
        ])
    private func refused(_ step: Step, _ reply: String, _ phase: SMTPPhase, _ code: Int) async throws {
        let once = Once()
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { now in
            now == step && once.take() ? .reply(reply) : nil
        }
        let report = try await client.send(try await mail(to: server))
        #expect(!report.isAccepted)
        #expect(report.phase == phase)
        #expect(report.reply.code == code)
        #expect(server.mails.isEmpty)
        #expect(try await client.send(try await mail(to: server)).isAccepted)
        #expect(server.mails.map(\.connection) == [2])
    }

    @Test(
        "after the final dot the reply decides, not libcurl's code",
        arguments: [
            ("451 4.3.0 later", false), ("554 5.7.1 spam", false), ("251 2.1.5 taken", true), ("250 ok", true),
        ])
    func afterDot(_ reply: String, _ accepted: Bool) async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step { .reply(reply) } else { nil }
        }
        let report = try await client.send(try await mail(to: server))
        #expect(report.phase == .final)
        #expect(report.isAccepted == accepted)
        #expect(String(report.reply.code) == reply.prefix(3))
    }

    @Test("one bad recipient does not stop the good one, and both verdicts are known")
    func oneBadRecipient() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            step == .recipient("no@example.com") ? .reply("550 5.1.1 unknown") : nil
        }
        let message = try await mail(to: server, recipients: ["no@example.com", "li@example.com"])
        let report = try await client.send(message)
        #expect(report.isAccepted)
        #expect(report.recipients.map(\.code) == [550, 250])
        #expect(server.mails.map(\.recipients) == [["li@example.com"]])
    }

    @Test("a connection lost or silent before the mail is not sent; after the final dot it is unknown")
    func unknownFate() async throws {
        for (step, isFinal) in [(Step.mail("crm@example.com"), false), (.final(""), true)] {
            for action in [FakeSMTPServer.Action.drop, .silence] {
                let server = try FakeSMTPServer(try await TestCertificate.shared.value) { now in
                    if case .final = now, isFinal { return action }
                    return now == step ? action : nil
                }
                var message = try await mail(to: server)
                message.timeout = .milliseconds(700)
                let error = await failure(message)
                #expect(error?.mayHaveRun == isFinal, "\(step) \(action)")
                #expect(error.map { [.dropped, .timedOut].contains($0.code) } == true)
            }
        }
    }

    @Test("without STARTTLS nothing is sent, not even the login")
    func noTLS() async throws {
        var options = FakeSMTPServer.Options()
        options.offersTLS = false
        let server = try FakeSMTPServer(try await TestCertificate.shared.value, options)
        let error = await failure(try await mail(to: server))
        #expect(error?.code == .tlsNotOffered)
        #expect(error?.mayHaveRun == false)
        #expect(server.commands.allSatisfy { $0.hasPrefix("EHLO") || $0 == "QUIT" })
    }

    @Test("credentials set and AUTH not offered: nothing is sent", arguments: [nil, "AUTH X-UNKNOWN"])
    func noAuth(_ line: String?) async throws {
        var options = FakeSMTPServer.Options()
        options.auth = line
        let server = try FakeSMTPServer(try await TestCertificate.shared.value, options)
        let error = await failure(try await mail(to: server))
        #expect(error?.code == (line == nil ? .authNotOffered : .loginDenied))
        #expect(!server.commands.contains { $0.hasPrefix("MAIL") })
    }

    @Test("an untrusted certificate ends the session before the login")
    func untrusted() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        var message = try await mail(to: server)
        message.caFile = nil
        #expect(await failure(message)?.code == .certificate)
        #expect(!server.commands.contains { $0.hasPrefix("AUTH") })
    }

    @Test("a server that does not answer QUIT does not hold up others")
    func silentQuit() async throws {
        var configuration = CurlConfiguration()
        configuration.mailsPerConnection = 1
        let client = CurlClient(configuration)
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { $0 == .quit ? .silence : nil }
        #expect(try await client.send(try await mail(to: server)).isAccepted)
        let other = try FakeHTTPServer()
        let watch = Stopwatch()
        _ = try await client.send(HTTPRequest("GET", other.url))
        #expect(watch.granted < .seconds(10))
    }

    @Test("cancelled while the server is silent after the dot: the mail may have gone out")
    func cancelAfterDot() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step { .silence } else { nil }
        }
        let message = try await mail(to: server)
        let task = Task { await failure(message) }
        try await waitUntil(within: .seconds(5), "final dot") { server.commands.last == "." }
        task.cancel()
        let watch = Stopwatch()
        let error = await task.value
        #expect(error?.code == .cancelled)
        #expect(error?.mayHaveRun == true)
        #expect(watch.granted < .seconds(10))
    }

    @Test("the late reply to a mail that nobody waits for is not taken for the next mail's", arguments: [false, true])
    func lateReply(byTimeout: Bool) async throws {
        let once = Once()
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step, once.take() { .pause } else { nil }
        }
        var message = try await mail(to: server)
        if byTimeout { message.timeout = .seconds(1) }
        let task = Task { [message] in await failure(message) }
        try await waitUntil(within: .seconds(5), "final dot") { server.commands.last == "." }
        if !byTimeout { task.cancel() }
        #expect(await task.value?.mayHaveRun == true)
        server.resume()
        try await waitUntil(within: .seconds(5), "the reply") { server.mails.count == 1 }
        #expect(try await client.send(try await mail(to: server)).isAccepted)
        #expect(server.mails.count == 2)
    }

    @Test("a mail cancelled or out of time half way is never ended with a dot, so that half is not delivered")
    func cancelledHalfWay() async throws {
        for (paused, byTimeout) in [(Step.data, false), (.data, true), (.bodyStarted, false), (.bodyStarted, true)] {
            let server = try FakeSMTPServer(try await TestCertificate.shared.value) { $0 == paused ? .pause : nil }
            var message = try await mail(to: server)
            message.data = Array("Subject: x\r\n\r\n".utf8)
            for _ in 0..<100_000 { message.data += Array("0123456789012345678901234567890123456789\r\n".utf8) }
            if byTimeout { message.timeout = .seconds(1) }
            let task = Task { [message] in await failure(message) }
            try await waitUntil(within: .seconds(5), "DATA") { server.commands.last == "DATA" }
            if !byTimeout { task.cancel() }
            #expect(await task.value?.code == (byTimeout ? .timedOut : .cancelled))
            server.resume()
            try await waitUntil(within: .seconds(5), "end of the session") { server.sessions == 0 }
            #expect(!server.commands.contains(".") && server.mails.isEmpty)
        }
    }

    @Test("while a server is silent after the final dot, requests to others go on")
    func doesNotBlockOthers() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step { .silence } else { nil }
        }
        let message = try await mail(to: server)
        let task = Task { await failure(message) }
        try await waitUntil(within: .seconds(5), "final dot") { server.commands.last == "." }
        let other = try FakeHTTPServer()
        var request = HTTPRequest("GET", other.url)
        request.timeout = .seconds(3)
        #expect(try await client.send(request).status == 200)
        task.cancel()
        _ = await task.value
    }

    @Test(
        "an address with a line break, space or bracket is refused before libcurl",
        arguments: [
            "a@b.cn>\r\nRCPT TO:<evil@x.cn", "a b@b.cn", "<a@b.cn>", "a@b", "a@b.c", "@b.cn", "a@", "a@-.cn\n",
            "a\u{0}@b.cn",
            "张三@b.cn", "a@例子.cn", "a@b..cn", "",
        ])
    func addresses(_ address: String) async throws {
        #expect(!MailAddress.isValid(address))
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        #expect(await failure(try await mail(to: server, recipients: ["li@example.com", address]))?.code == .invalid)
        var message = try await mail(to: server)
        message.sender = address
        #expect(await failure(message)?.code == .invalid)
        #expect(server.connections == 0)
    }

    @Test(
        "a mail with a bare line end, NUL, 8-bit header or endless line is refused before libcurl",
        arguments: [
            "Subject: x\n\nbody\r\n", "Subject: x\r\n\r\nbody\n.\nMAIL\r\n", "Subject: x\r\n\r\nbody\r",
            "Subject: 中\r\n\r\nbody\r\n", "Subject: x\r\n\r\na\u{0}b\r\n", "Subject: x\r\n\r\nno end", "",
            "Subject: x\r\n\r\n" + String(repeating: "x", count: 999) + "\r\n",
        ])
    func lines(_ data: String) async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        var message = try await mail(to: server)
        message.data = Array(data.utf8)
        #expect(await failure(message)?.code == .invalid)
        message.data = Array(("Subject: x\r\n\r\n" + String(repeating: "x", count: 998) + "\r\n").utf8)
        #expect(try await client.send(message).isAccepted)
    }

    @Test("no error holds the password, the user or an address")
    func noSecrets() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { $0 == .auth ? .drop : nil }
        var options = FakeSMTPServer.Options()
        options.auth = nil
        let unable = try FakeSMTPServer(try await TestCertificate.shared.value, options)
        for message in [try await mail(to: server), try await mail(to: unable)] {
            let text = String(reflecting: await failure(message))
            #expect(!text.contains("canary-pass-1") && !text.contains("example.com") && !text.contains("127.0.0.1"))
        }
    }

    private func failure(_ message: SMTPMessage) async -> CurlError? {
        do {
            _ = try await client.send(message)
            return nil
        } catch { return error }
    }
}
