import Testing

@testable import CRM

@Suite struct PathRuleTests {
    @Test(arguments: [
        ("/v1/imports", "/v1/imports", true), ("/v1/imports", "/v1/imports/1", false),
        ("/v1/imports", "/v1/import", false), ("/v1/imports(/.*)?", "/v1/imports/7/rows", true),
        ("/v1/jobs/(\\d+)", "/v1/jobs/12", true), ("/v1/jobs/(\\d+)", "/v1/jobs/x", false),
        ("/v1/[^/]+/rows", "/v1/a-b/rows", true), ("/v1/[^/]+/rows", "/v1/a/b/rows", false),
        ("/v1/a|/v1/b", "/v1/b", true), ("/v1/a|/v1/b", "/v1/a/v1/b", false), ("^/v1/.*$", "/v1/x/y", true),
        ("/v1/.*", "/v1/a\nb", false), ("/v1/x", "/v1/x\n", false), (".*", "/anything", true),
        ("/v1/(customers|pool)(/\\d+)?", "/v1/pool/9", true), ("/v1/[a-c]+", "/v1/abcabc", true),
        ("/v1/客户", "/v1/客户", true),
    ])
    func wholePath(_ pattern: String, _ path: String, _ expected: Bool) throws {
        #expect(try PathRule(pattern).matches(path) == expected)
    }

    @Test(arguments: ["(a+)+", "(a*)*b", "a{2,}", "(", ")", "[", "a**", "*", "", "\\1", "(?=x)", "((a+)b)*", "\\"])
    func refused(_ pattern: String) {
        #expect(throws: PathRule.Invalid.self) { try PathRule(pattern) }
    }

    /// What takes a backtracking engine exponential time takes this one a few steps a byte.
    @Test func linearTime() throws {
        let rule = try PathRule(String(repeating: "a?", count: 30) + String(repeating: "a", count: 30))
        #expect(rule.matches(String(repeating: "a", count: 30)))
    }
}
