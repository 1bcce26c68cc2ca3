import Foundation
import Observability
import TestSupport
import Testing

@testable import Channels

@Suite struct SignatureTests {
    @Test(
        "DingTalk signature, vectors",
        arguments: [
            (
                1_577_262_236_757, "this is secret", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=",
                "hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D"
            ),
            (
                1_700_000_000_000, "SECtest0123456789abcdef", "/lfnxUUu80FwVTsIlv2F1cMGBb+PxEKAwYh/bsRxXcc=",
                "%2FlfnxUUu80FwVTsIlv2F1cMGBb%2BPxEKAwYh%2FbsRxXcc%3D"
            ),
        ] as [(Int64, String, String, String)])
    func vectors(_ timestamp: Int64, _ secret: String, _ sign: String, _ encoded: String) {
        #expect(DingTalkSignature.make(secret: Secret(secret), timestamp: timestamp) == sign)
        #expect(percentEncoded(sign) == encoded)
    }

    @Test("each attempt is signed by itself, from the configured address, encoded once on the wire")
    func perAttempt() async throws {
        let clock = Ticks()
        let server = try FakeHTTPServer { _ in .json(#"{"errcode":0}"#) }
        let robot = try dingtalk(
            server.url, secret: "SECtest0123456789abcdef", now: { 1_700_000_000_000 + clock.next() - 1001 })
        let body = robot.bodies(for: digest(items(1)), to: .group)[0]
        _ = await robot.send(body, to: .group)
        let first = try #require(server.requests.first?.target)
        #expect(
            first
                == "/robot/send?access_token=\(dingtalkToken)&timestamp=1700000000000&sign=%2FlfnxUUu80FwVTsIlv2F1cMGBb%2BPxEKAwYh%2FbsRxXcc%3D"
        )
        _ = await robot.send(body, to: .group)
        let second = try #require(server.requests.last?.target)
        #expect(second != first && second.count < first.count + 20)
        #expect(Set(server.requests.map(\.body)).count == 1)
    }

    @Test("without a secret nothing is added to the address")
    func unsigned() throws {
        #expect(
            try dingtalk("http://h", secret: "").signedURL(at: 1) == "http://h/robot/send?access_token=\(dingtalkToken)"
        )
    }
}
