import Channels
import Curl
import Observability
import TestSupport
import Testing

@Suite struct RobotOutcomeTests {
    @Test(
        "WeCom: every row of the table",
        arguments: [
            (#"{"errcode":0,"errmsg":"ok"}"#, "delivered"),
            (#"{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}"#, "delivered alarm"),
            (#"{"errcode":-1,"errmsg":"system busy"}"#, "retry -1 max 3"),
            (#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, "limited 45009 65"),
            (#"{"errcode":45033,"errmsg":"concurrent"}"#, "retry 45033 after 3.0"),
            (#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, "config 93000"),
            (#"{"errcode":93004}"#, "config 93004"), (#"{"errcode":93008}"#, "config 93008"),
            (#"{"errcode":40008}"#, "content 40008"), (#"{"errcode":40033}"#, "content 40033"),
            (#"{"errcode":40035}"#, "content 40035"), (#"{"errcode":40063}"#, "content 40063"),
            (#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096."}"#, "content 40058"),
            (#"{"errcode":44004}"#, "content 44004"), (#"{"errcode":45002}"#, "content 45002"),
            // What no row lists: three times, then dead with the raw code.
            (#"{"errcode":99999,"errmsg":"new"}"#, "retry 99999 max 3"),
            // Missing, or not a whole number: never a success.
            (#"{"errmsg":"ok"}"#, "retry no-errcode max 3"), (#"{"errcode":"0"}"#, "retry no-errcode max 3"),
            (#"{"errcode":null}"#, "retry no-errcode max 3"), (#"{"errcode":0.5}"#, "retry no-errcode max 3"),
            (#"{"errcode":false}"#, "retry no-errcode max 3"), ("<html>ok</html>", "retry no-errcode max 3"),
            ("", "retry no-errcode max 3"), ("[]", "retry no-errcode max 3"),
        ])
    func wecomTable(_ body: String, _ expected: String) async throws {
        let server = try FakeHTTPServer { _ in .json(body) }
        #expect(summary(await send(try wecom(server.url))) == expected)
    }

    @Test(
        "DingTalk: every row of the table",
        arguments: [
            (#"{"errcode":0,"errmsg":"ok"}"#, "delivered"),
            (#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#, "limited 130101 610"),
            (
                #"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u","errcode":130101}"#,
                "limited 130101 610"
            ),
            (#"{"status":1111,"wait":5,"source":"x5","punish":"deny"}"#, "limited punish 610"),
            (#"{"punish":"deny"}"#, "limited punish 610"),
            (#"{"errcode":410100}"#, "limited 410100 610"),
            // 14 hours 29 minutes to midnight in China.
            (#"{"errcode":90030,"errmsg":"webhook over limit"}"#, "limited 90030 \(14 * 3600 + 29 * 60)"),
            (#"{"errcode":-1}"#, "retry -1 max 3"),
            (#"{"errcode":310000,"errmsg":"keywords not in content"}"#, "config 310000"),
            (#"{"errcode":310000,"errmsg":"sign not match"}"#, "config 310000"),
            (#"{"errcode":310000,"errmsg":"ip 1.2.3.4 not in whitelist"}"#, "config 310000"),
            (#"{"errcode":300001,"errmsg":"token is not exist"}"#, "config 300001"),
            (#"{"errcode":400101}"#, "config 400101"), (#"{"errcode":400102}"#, "config 400102"),
            (#"{"errcode":400105}"#, "config 400105"), (#"{"errcode":400106}"#, "config 400106"),
            (#"{"errcode":400013}"#, "config 400013"),
            (#"{"errcode":400402,"errmsg":"参数 markdown --》 title 缺失"}"#, "content 400402"),
            (#"{"errcode":460101}"#, "content 460101"), (#"{"errcode":101002}"#, "content 101002"),
            (#"{"errcode":430101}"#, "content 430101"), (#"{"errcode":430104}"#, "content 430104"),
            (#"{"errcode":7,"errmsg":"?"}"#, "retry 7 max 3"), (#"{}"#, "retry no-errcode max 3"),
        ])
    func dingtalkTable(_ body: String, _ expected: String) async throws {
        let server = try FakeHTTPServer { _ in .json(body) }
        #expect(summary(await send(try dingtalk(server.url))) == expected)
    }

    @Test(
        "the HTTP status counts when the body does not say what happened",
        arguments: [
            (500, [:], "oops", "retry http-500"), (502, ["Retry-After": "7"], "", "retry http-502 after 7.0"),
            (503, ["Retry-After": "999999"], "", "retry http-503 after 3600.0"),
            (503, ["Retry-After": "Wed, 25 Nov 2026 01:32:00 GMT"], "", "retry http-503 after 60.0"),
            (429, [:], "", "limited http-429 65"), (429, ["Retry-After": "9"], "", "limited http-429 9"),
            (302, ["Location": "http://127.0.0.1:1/"], "", "config http-302"), (404, [:], "", "config http-404"),
            (408, [:], "", "retry http-408"), (500, [:], #"{"errcode":0}"#, "retry http-500"),
            (400, [:], #"{"errcode":93000}"#, "config 93000"),
        ] as [(Int, [String: String], String, String)])
    func status(_ status: Int, _ headers: [String: String], _ body: String, _ expected: String) async throws {
        let server = try FakeHTTPServer { _ in .answer(status, headers: headers, body: body) }
        #expect(summary(await send(try wecom(server.url))) == expected)
    }

    @Test("lost before it was sent: again; lost after: perhaps delivered")
    func transport() async throws {
        let drop = try FakeHTTPServer { _ in .drop }
        #expect(summary(await send(try wecom(drop.url))) == "ambiguous")
        let half = try FakeHTTPServer { _ in .dropInBody }
        #expect(summary(await send(try wecom(half.url))) == "ambiguous")
        let silent = try FakeHTTPServer { _ in .silence }
        #expect(summary(await send(try wecom(silent.url, timeout: .seconds(1)))) == "ambiguous")
        drop.stop()
        let robot = try wecom(drop.url)
        try await waitUntil(within: .seconds(5), "refused connection") {
            summary(await send(robot)) == "retry unreachable"
        }
    }

    @Test("a wrong timestamp is signed anew once; a wrong signature is not tried again")
    func resigned() async throws {
        let clock = Ticks()
        let server = try FakeHTTPServer { request in
            .json(
                request.target.contains("timestamp=1001&")
                    ? #"{"errcode":310000,"errmsg":"invalid timestamp"}"# : #"{"errcode":0}"#)
        }
        let robot = try dingtalk(server.url, now: { clock.next() })
        #expect(summary(await send(robot)) == "delivered")
        try #require(server.requests.count == 2)
        #expect(server.requests[0].body == server.requests[1].body)
        let wrong = try FakeHTTPServer { _ in .json(#"{"errcode":310000,"errmsg":"sign not match"}"#) }
        guard case .permanent(.config, "310000", let hint) = await send(try dingtalk(wrong.url)) else {
            Issue.record("not permanent")
            return
        }
        #expect(hint.contains("secret"))
        #expect(wrong.requests.count == 1)
    }

    private func send(_ channel: some Channel) async -> Outcome {
        await channel.send(channel.bodies(for: digest(items(1)), to: .group)[0], to: .group)
    }
}
