import Channels
import Curl
import Foundation
import Observability
import TestSupport
import Testing

@Suite struct CanaryTests {
    private let canaries = [wecomKey, dingtalkToken, dingtalkSecret, mailPassword]

    @Test("whatever a provider or mail server does, even repeating what it was sent, no outcome holds a credential")
    func outcomes() async throws {
        let replies: [@Sendable (FakeHTTPServer.Request) -> FakeHTTPServer.Reply] = [
            { .json(#"{"errcode":93000,"errmsg":"bad \#($0.target)"}"#) },
            { .json(#"{"errcode":310000,"errmsg":"sign not match \#($0.target)"}"#) },
            { .json(#"{"errcode":12345,"errmsg":"\#(dingtalkSecret) \#($0.target)"}"#) },
            { .json(#"{"errcode":45009,"errmsg":"key \#(wecomKey) over limit"}"#) },
            { .answer(302, headers: ["Location": $0.target], body: "") },
            { .answer(500, body: $0.target) }, { _ in .drop }, { _ in .dropInBody }, { _ in .json("null") },
        ]
        for reply in replies {
            let server = try FakeHTTPServer(reply)
            for channel in [try wecom(server.url), try dingtalk(server.url)] as [any Channel] {
                try check(channel, await channel.send(channel.bodies(for: digest(items(1)), to: .group)[0], to: .group))
            }
        }
        let gone = try wecom("http://127.0.0.1:1")
        try check(gone, await gone.send(gone.bodies(for: digest(items(1)), to: .group)[0], to: .group))
    }

    @Test("the same for mail")
    func mail() async throws {
        let base64 = Data("\u{0}crm\u{0}\(mailPassword)".utf8).base64EncodedString()
        let replies: [@Sendable (FakeSMTPServer.Step) -> FakeSMTPServer.Action?] = [
            { $0 == .authResponse ? .reply("535 5.7.8 \(mailPassword) is wrong") : nil },
            { $0 == .authResponse ? .reply("454 4.7.0 \(base64) later") : nil },
            { $0 == .recipient("li@example.com") ? .reply("550 5.1.1 <li@example.com> unknown \(base64)") : nil },
            { $0 == .greeting ? .drop : nil },
        ]
        for reply in replies {
            let server = try FakeSMTPServer(try await TestCertificate.shared.value, .init(), reply)
            let channel = try await email(server)
            let outcome = await channel.send(channel.bodies(for: digest(items(1)), to: reader)[0], to: reader)
            try check(channel, outcome)
            #expect(!"\(outcome)".contains("li@example.com"))
            #expect(!"\(outcome)".contains(base64))
        }
    }

    private func check(_ channel: any Channel, _ outcome: Outcome) throws {
        var dumped = ""
        dump(channel, to: &dumped)
        for text in ["\(outcome)", String(reflecting: outcome), channel.keyFingerprint, "\(channel)", dumped] {
            for canary in canaries {
                #expect(!text.contains(canary))
                #expect(!text.contains(Data(canary.utf8).base64EncodedString()))
            }
            #expect(!text.contains("/cgi-bin/webhook/send"))
        }
    }
}
