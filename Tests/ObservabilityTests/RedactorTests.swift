import Foundation
import Observability
import Testing

@Suite struct RedactorTests {
    private let canary = "canary/+ä\"7f3e"

    @Test("a secret shows as *** however it is printed")
    func secret() throws {
        let secret = Secret(canary)
        var dumped = ""
        dump(["password": secret], to: &dumped)
        let encoded = String(decoding: try JSONEncoder().encode([secret]), as: UTF8.self)
        for text in ["\(secret)", String(reflecting: secret), dumped, encoded, "\([secret])"] {
            #expect(text.contains("***"))
            #expect(!text.contains("canary"))
        }
        #expect(try JSONDecoder().decode([Secret].self, from: Data(#"["abc"]"#.utf8))[0].exposed == "abc")
    }

    @Test("a known secret is found as it is, percent-encoded, in JSON and inside base64")
    func known() throws {
        let redactor = Redactor([Secret(canary)])
        let percent = try #require(canary.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let json = String(decoding: try JSONEncoder().encode([canary]), as: UTF8.self)
        var forms = [canary, percent, percent.lowercased(), json]
        for before in ["", "a", "ab", "\u{0}user\u{0}"] {
            forms.append(Data((before + canary + "tail").utf8).base64EncodedString())
        }
        for form in forms {
            let text = redactor.redact("before \(form) after")
            #expect(text.hasPrefix("before ") && text.hasSuffix(" after"))
            #expect(text.contains("***"), "\(form)")
            #expect(!text.contains(canary) && !text.contains(percent))
        }
    }

    @Test(
        "what looks like a credential is hidden without being known",
        arguments: [
            ("https://q.example.com/send?key=693a91f6-7xxx&debug=1", "https://q.example.com/send?key=***&debug=1"),
            ("GET /gettoken?corpid=a&corpsecret=s3cr HTTP/1.1", "GET /gettoken?corpid=a&corpsecret=*** HTTP/1.1"),
            (
                "https://o.example.com/robot/send?access_token=t&timestamp=1&sign=a%2B",
                "https://o.example.com/robot/send?access_token=***&timestamp=1&sign=***"
            ),
            ("Authorization: Bearer abc.def\r\nHost: x", "Authorization: ***\r\nHost: x"),
            (#"{"access_token":"tok\"en","expires_in":7200}"#, #"{"access_token":"***","expires_in":7200}"#),
            (#"{"appSecret": "x"}"#, #"{"appSecret": "***"}"#),
            ("whsec_MDEyMzQ1Njc4OWFiY2RlZg== is bad", "*** is bad"),
            ("secret SEC" + String(repeating: "0a", count: 32) + ".", "secret ***."),
            ("http://user:pw@proxy:8080/", "http://***@proxy:8080/"),
            ("token=abc", "token=***"),
        ])
    func patterns(_ text: String, _ expected: String) {
        #expect(Redactor().redact(text) == expected)
    }

    @Test(
        "ordinary text stays as it is",
        arguments: [
            "job finished", "monkey=banana", "keys: 3", "SECTION 12", "a://b/c@d", "client_id=7", "张三 → 李四", "",
        ])
    func ordinary(_ text: String) {
        #expect(Redactor([Secret("abc")]).redact(text) == text)
    }

    @Test("a value is hidden whole if its name says so, and secrets learned later count")
    func named() {
        let redactor = Redactor()
        #expect(redactor.redact("plain", named: "Authorization") == "***")
        #expect(redactor.redact("plain", named: "queue") == "plain")
        redactor.learn([Secret("plain")])
        #expect(redactor.redact("plain", named: "queue") == "***")
    }
}
