import HTTPTypes
import Testing

@testable import API

@Suite struct JSONTests {
    @Test func keepsRangesNumbersAndOrder() throws {
        let text = Array(#" {"a": [1e400, 12345678901234567890], "b": {"c": "张\u4e09\ud83d\ude80"}} "#.utf8)
        let root = try JSONParser.parse(text[...])
        guard case .object(let members) = root.value, case .array(let numbers) = members[0].node.value,
            case .number(let big) = numbers[1].value, case .object(let inner) = members[1].node.value,
            case .string(let word) = inner[0].node.value
        else {
            Issue.record("wrong shape")
            return
        }
        #expect(big == "12345678901234567890")
        #expect(word == "张三🚀")
        #expect(String(decoding: text[members[0].node.range], as: UTF8.self) == "[1e400, 12345678901234567890]")
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", "-", "+1", "\"\u{1}\"", "\"\\x\"", "\"\\ud800\"", "nul",
        "[1] 2",
        "\"abc", "{\"a\" 1}", "1e", "\"\\u+123\"", "tru",
    ])
    func refuses(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(Array(text.utf8)[...]) }
    }

    @Test func refusesBytesThatAreNoUTF8AndEndlessDepth() {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(deep[...]) }
    }

    @Test func writesWhatTheParserReads() throws {
        let bytes = JSONWriter.object { out in
            out.field("text", "a\"\\\n\u{1}张")
            out.field("none", nil as String?)
            out.field("id", id: 9_007_199_254_740_993 as Int64)
            out.field("raw", raw: Array("[ 1 ]".utf8))
            out.array("list") { out in
                out.element("x")
                out.object { out in out.field("y", 1.5) }
            }
            out.object("empty") { _ in }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text
                == #"{"text":"a\"\\\n\u0001张","none":null,"id":"9007199254740993","raw":[ 1 ],"list":["x",{"y":1.5}],"empty":{}}"#
        )
        _ = try JSONParser.parse(bytes[...])
    }

    @Test func fieldsCollectEveryErrorWithItsPointer() throws {
        let text = Array(#"{"n": "x", "s": 1, "extra": 1, "id": "12", "t": "yesterday"}"#.utf8)[...]
        var fields = try Fields(try JSONParser.parse(text), of: text, base: "")
        #expect(fields.integer("n", in: 0...5) == nil)
        #expect(fields.required("s") == "")
        #expect(fields.required("missing") == "")
        #expect(fields.id("id") == 12)
        #expect(fields.time("t") == nil)
        let problem = #expect(throws: Problem.self) { try fields.finish() }
        #expect(problem?.status.code == 422)
        #expect(
            problem?.errors.map { "\($0.pointer) \($0.code)" } == [
                "/n type", "/s type", "/missing required", "/t type", "/extra unknown",
            ])
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T08:00:00.5+08:00", 500), ("1970-01-01t00:00:01z", 1000),
            ("1970-01-01T00:00:00.123456Z", 123), ("2026-02-29T00:00:00Z", nil),
            ("2026-01-01", nil), ("2026-01-01T00:00:00", nil),
        ] as [(String, Int64?)])
    func times(_ text: String, _ expected: Int64?) {
        #expect(RFC3339.milliseconds(text) == expected)
    }
}
