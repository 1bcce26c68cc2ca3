import Channels
import Curl
import Foundation
import Observability
import TestSupport
import Testing

private func hostileReply(_ kind: Int, to request: FakeHTTPServer.Request) -> FakeHTTPServer.Reply {
    let target = request.target
    let canary = target.contains(wecomKey) ? wecomKey : dingtalkSecret
    switch kind {
    case 0: return .json("{\"errcode\":93000,\"errmsg\":\"bad \(target)\"}")
    case 1: return .json("{\"errcode\":310000,\"errmsg\":\"sign not match \(target)\"}")
    case 2: return .json("{\"errcode\":12345,\"errmsg\":\"\(canary) is wrong\"}")
    case 3: return .json("{\"errcode\":45009,\"errmsg\":\"key \(canary) over limit\"}")
    case 4: return .answer(302, headers: ["Location": target], body: "")
    case 5: return .answer(500, body: target)
    case 6: return .drop
    case 7: return .dropInBody
    default: return .json("null")
    }
}

private func hostileMail(_ kind: Int, _ step: FakeSMTPServer.Step, _ base64: String) -> FakeSMTPServer.Action? {
    switch (kind, step) {
    case (0, .authResponse): .reply("535 5.7.8 \(mailPassword) is wrong")
    case (1, .authResponse): .reply("454 4.7.0 \(base64) later")
    case (2, .recipient): .reply("550 5.1.1 <li@example.com> unknown \(base64)")
    case (3, .greeting): .drop
    default: nil
    }
}

@Suite struct CanaryTests {
    private let canaries = [wecomKey, dingtalkToken, dingtalkSecret, mailPassword]

    @Test("whatever a provider or mail server does, even repeating what it was sent, no outcome holds a credential")
    func outcomes() async throws {
        for kind in 0..<9 {
            let server = try FakeHTTPServer { hostileReply(kind, to: $0) }
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
        for kind in 0..<4 {
            let server = try FakeSMTPServer(try await TestCertificate.shared.value) { hostileMail(kind, $0, base64) }
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
            #expect(!text.contains("http://127.0.0.1"))
        }
    }
}
