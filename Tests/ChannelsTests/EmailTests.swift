import Curl
import Foundation
import Observability
import TestSupport
import Testing

@testable import Channels

let mailPassword = "canary-mail-pass/+9c1"

func email(_ server: FakeSMTPServer, from: String = "销售助手 <crm@example.com>", timeout: Duration? = nil) async throws
    -> Email
{
    var settings = EmailSettings(url: server.url, from: from)
    settings.username = "crm"
    settings.password = Secret(mailPassword)
    settings.caFile = try await TestCertificate.shared.value.certificate
    settings.options.timeout = timeout
    return try Email(name: "mail", settings: settings, client: CurlClient())
}

let reader = Recipient(key: "user:42", name: "李四", email: "li@example.com")

@Suite struct EmailTests {
    @Test("a digest arrives as a mail that a parser reads back", .timeLimit(.minutes(1)))
    func arrives() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        let channel = try await email(server)
        var all = digest(items(7) { ["<b>张三</b>", "李四\r\nBcc: x@evil.cn"][$0 % 2] })
        all.headline = DigestText.assigned(batch: 12, firstExpiry: "05-22", names: all.items.map(\.subject))
        let bodies = channel.bodies(for: all, to: reader)
        #expect(bodies.count == 1)
        #expect(channel.bodies(for: all, to: reader) == bodies)
        #expect(summary(await channel.send(bodies[0], to: reader)) == "delivered")
        let mail = try #require(server.mails.first)
        #expect(Array(mail.data.utf8) == bodies[0].bytes)
        #expect(mail.sender == "crm@example.com" && mail.recipients == ["li@example.com"])
        let (head, parts) = try parse(mail.data)
        #expect(head.contains("Date: Wed, 25 Nov 2026 09:31:00 +0800\r\n"))
        #expect(head.contains("From: =?UTF-8?B?6ZSA5ZSu5Yqp5omL?= <crm@example.com>\r\n"))
        #expect(head.contains("To: =?UTF-8?B?5p2O5Zub?= <li@example.com>\r\n"))
        #expect(head.contains("Auto-Submitted: auto-generated\r\n"))
        #expect(!head.contains("Bcc:"))
        #expect(head.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 100 })
        #expect(parts.count == 2)
        for item in all.items { #expect(parts[0].contains("】\(Escape.line(item.subject))（QQ尾号\(item.qqTail ?? "")）")) }
        #expect(parts[0].contains("查看全部：https://crm.example.com/b/12"))
        #expect(parts[1].contains("&lt;b&gt;张三&lt;/b&gt;") && !parts[1].contains("<b>"))
        #expect(parts[1].contains("<a href=\"https://crm.example.com/b/12\">"))
        #expect(mail.data.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 100 })
    }

    @Test("a very long digest becomes several mails, each item in one, each with its own Message-ID")
    func pages() async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        let bodies = try await email(server).bodies(for: digest(items(6000)), to: reader)
        #expect(bodies.count > 1)
        #expect(bodies.flatMap(\.items) == Array(0..<6000))
        let ids = Set(try bodies.map { try messageID(String(decoding: $0.bytes, as: UTF8.self)) })
        #expect(ids.count == bodies.count)
    }

    @Test("vectors of mails")
    func vectors() {
        #expect(
            "Subject: " + HeaderText.unstructured("【商机分配】张三：您有 3 条新线索待跟进")
                == "Subject: =?UTF-8?B?44CQ5ZWG5py65YiG6YWN44CR5byg5LiJ77ya5oKo5pyJIDMg5p2h5paw57q/?=\r\n =?UTF-8?B?57Si5b6F6Lef6L+b?="
        )
        #expect(Mailbox("销售助手 <crm@example.com>")?.header == "=?UTF-8?B?6ZSA5ZSu5Yqp5omL?= <crm@example.com>")
        #expect(
            MailMessage.makeID(
                key: Array("test-message-id-key".utf8), delivery: "evt_0001|email|u_42|0", domain: "example.com")
                == "39c506aafd740f6e75c824f67dd22206ee9b1730@example.com")
    }

    @Test("an encoded word has at most 75 characters and whole graphemes")
    func words() throws {
        let text = String(repeating: "👨‍👩‍👧‍👦家é", count: 30)
        let words = HeaderText.encodedWords(text).components(separatedBy: "\r\n ")
        var decoded = ""
        for word in words {
            #expect(word.utf8.count <= 75 && word.hasPrefix("=?UTF-8?B?") && word.hasSuffix("?="))
            let data = try #require(Data(base64Encoded: String(word.dropFirst(10).dropLast(2))))
            let part = try #require(String(bytes: data, encoding: .utf8))
            #expect(part.first != "\u{200D}")
            decoded += part
        }
        #expect(decoded == text)
    }

    @Test("header text cannot add a header")
    func injection() {
        for hostile in ["a\r\nBcc: x@y.cn", "a\nb", "a\u{0}b", "a\u{2028}b", "a\u{202E}b", "=?UTF-8?B?AAAA?="] {
            let subject = HeaderText.unstructured(hostile)
            #expect(!subject.contains("\n") && !subject.contains("\u{0}"))
            #expect(!HeaderText.phrase(hostile).contains("\n"))
            #expect(subject != "=?UTF-8?B?AAAA?=")
        }
        let long = HeaderText.folded("Subject: " + String(repeating: "word ", count: 60))
        #expect(long.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(long.components(separatedBy: "\r\n").dropFirst().allSatisfy { $0.hasPrefix(" ") })
        #expect(Mailbox("a\r\nb <crm@example.com>")?.header.contains("\n") == false)
        #expect(Mailbox("crm@example.com>\r\nRCPT TO:<x@y.cn") == nil)
    }

    @Test(
        "what the server says decides",
        arguments: [
            (FakeSMTPServer.Step.greeting, "421 4.3.2 closing", "retry 421 4.3.2"),
            (.greeting, "554 no service", "config 554"),
            (.authResponse, "535 5.7.8 bad password", "credentials 535 5.7.8"),
            (.authResponse, "454 4.7.0 temporary", "retry 454 4.7.0"),
            (.mail("crm@example.com"), "451 4.3.0 later", "retry 451 4.3.0"),
            (.mail("crm@example.com"), "550 5.1.8 bad sender", "config 550 5.1.8"),
            (.mail("crm@example.com"), "552 5.3.4 too big", "content 552 5.3.4"),
            (.recipient("li@example.com"), "452 4.2.2 mailbox full", "retry 452 4.2.2 after 3600.0"),
            (.recipient("li@example.com"), "451 4.7.1 greylisted", "retry 451 4.7.1 after 300.0"),
            (.recipient("li@example.com"), "550 5.1.1 unknown", "recipient 550 5.1.1"),
            (.recipient("li@example.com"), "550 no such user", "recipient 550"),
            (.recipient("li@example.com"), "553 syntax", "recipient 553"),
            (.recipient("li@example.com"), "554 5.7.1 relay denied", "config 554 5.7.1"),
            (.recipient("li@example.com"), "530 5.7.0 login first", "credentials 530 5.7.0"),
            (.data, "421 4.3.0 closing", "retry 421 4.3.0"),
        ])
    func verdicts(_ step: FakeSMTPServer.Step, _ reply: String, _ expected: String) async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { $0 == step ? .reply(reply) : nil }
        #expect(summary(await send(try await email(server))) == expected)
        #expect(server.mails.isEmpty)
    }

    @Test(
        "after the final dot",
        arguments: [
            ("451 4.3.0 later", "retry 451 4.3.0"), ("554 5.7.1 spam", "content 554 5.7.1"),
            ("552 5.3.4 size", "content 552 5.3.4"), ("550 5.1.1 gone", "recipient 550 5.1.1"), ("251 ok", "delivered"),
        ])
    func final(_ reply: String, _ expected: String) async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step { .reply(reply) } else { nil }
        }
        #expect(summary(await send(try await email(server))) == expected)
    }

    @Test("a connection lost after the final dot is ambiguous, and the second attempt is the same mail")
    func ambiguous() async throws {
        let first = Ticks()
        let server = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step, first.next() == 1001 { .drop } else { nil }
        }
        let channel = try await email(server)
        let body = channel.bodies(for: digest(items(1)), to: reader)[0]
        #expect(summary(await channel.send(body, to: reader)) == "ambiguous")
        #expect(channel.ambiguousPolicy == .retry)
        #expect(summary(await channel.send(body, to: reader)) == "delivered")
        #expect(server.mails.map { Array($0.data.utf8) } == [body.bytes])
    }

    @Test("no TLS, no AUTH, no trust: nothing is sent and operations are told", arguments: [0, 1, 2])
    func config(_ fault: Int) async throws {
        var options = FakeSMTPServer.Options()
        options.offersTLS = fault != 0
        if fault == 1 { options.auth = nil }
        let server = try FakeSMTPServer(try await TestCertificate.shared.value, options)
        var settings = EmailSettings(url: server.url, from: "crm@example.com")
        settings.username = "crm"
        settings.password = Secret(mailPassword)
        settings.caFile = fault == 2 ? nil : try await TestCertificate.shared.value.certificate
        let outcome = await send(try Email(name: "mail", settings: settings, client: CurlClient()))
        #expect(summary(outcome) == ["config tlsNotOffered", "config authNotOffered", "config certificate"][fault])
        #expect(!server.commands.contains { $0.hasPrefix("MAIL") })
    }

    @Test(
        "a recipient without a valid address gets nothing and no connection is made",
        arguments: [nil, "x", "a@b.cn>\r\nRSET"])
    func noAddress(_ address: String?) async throws {
        let server = try FakeSMTPServer(try await TestCertificate.shared.value)
        let channel = try await email(server)
        let nobody = Recipient(key: "user:1", email: address)
        let body = channel.bodies(for: digest(items(1)), to: nobody)[0]
        #expect(summary(await channel.send(body, to: nobody)) == "recipient address")
        #expect(server.connections == 0)
    }

    @Test("of two recipients one refused is partial")
    func partial() {
        let report = SMTPReport(
            phase: .final, reply: SMTPReply(code: 250),
            recipients: [SMTPReply(code: 550, enhanced: "5.1.1"), SMTPReply(code: 250)])
        let outcome = MailOutcome.make(report, to: ["a@b.cn", "c@d.cn"], redactor: Redactor())
        #expect(outcome == .partial(ok: ["c@d.cn"], dead: ["a@b.cn": "550 5.1.1"]))
    }

    private func send(_ channel: Email) async -> Outcome {
        await channel.send(channel.bodies(for: digest(items(1)), to: reader)[0], to: reader)
    }

    private func messageID(_ mail: String) throws -> String {
        try #require(
            mail.components(separatedBy: "Message-ID: <").dropFirst().first?.components(separatedBy: ">").first)
    }

    /// Header block, and the decoded parts.
    private func parse(_ mail: String) throws -> (String, [String]) {
        let end = try #require(mail.range(of: "\r\n\r\n"))
        let head = String(mail[..<end.lowerBound]) + "\r\n"
        let boundary = try #require(
            head.components(separatedBy: "boundary=\"").last?.components(separatedBy: "\"").first)
        let parts = mail[end.upperBound...].components(separatedBy: "--\(boundary)").dropFirst().dropLast()
        return (
            head,
            try parts.map { part in
                let body = part.components(separatedBy: "\r\n\r\n").dropFirst().joined().filter { !$0.isNewline }
                return String(decoding: try #require(Data(base64Encoded: body)), as: UTF8.self)
            }
        )
    }
}
