import Foundation
import Testing

@testable import CRM

@Suite("Import: rules without a store")
struct RuleTests {
    private func bytes(_ text: String) -> ArraySlice<UInt8> { ArraySlice(text.utf8) }

    @Test("days: every day of 1600–2400 and back, and no others")
    func days() throws {
        var number = try #require(Day(year: 1600, month: 1, day: 1)).number
        for year in 1600...2400 {
            for month in 1...12 {
                for day in 1...31 {
                    guard let found = Day(year: year, month: month, day: day) else { continue }
                    #expect(found.number == number)
                    #expect(found.civil == (year, month, day))
                    number += 1
                }
            }
        }
        #expect(Day("1970-01-01")?.number == 0)
        #expect(Day("2018-02-29") == nil)
        #expect(Day("2024-02-29")?.description == "2024-02-29")
    }

    @Test(
        "dates as cells write them",
        arguments: [
            ("2018-1-1", "2018-01-01"), ("2018/01/1", "2018-01-01"), ("2018年1月1日", "2018-01-01"),
            ("2018-01-01 08:00", "2018-01-01"), ("2018-01-01T08:00:00Z", "2018-01-01"), ("43101", "2018-01-01"),
            ("43101.99", "2018-01-01"), ("１", "1900-01-01"), ("61", "1900-03-01"), ("59", "1900-02-28"), ("60", nil),
            ("0", nil), ("2018-13-01", nil), ("2018-02-30", nil), ("18-1-1", nil), ("2018-1", nil), ("2018年1月1", nil),
            ("2018-01/01", nil), ("2018-01-01x", nil), ("昨天", nil), ("20180101", nil), ("2018-01-01 上午", nil),
        ] as [(String, String?)])
    func dates(_ text: String, _ expected: String?) {
        #expect(DateRules(from1904: false).parse(bytes(text), isNumber: false)?.description == expected)
    }

    @Test("plain text is left alone by NFKC: every scalar that is taken for plain")
    func plain() {
        for value in UInt32(1)...0x2FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(Character(scalar))
            guard CellText.isPlain(bytes(text)) else { continue }
            #expect(
                text.precomposedStringWithCompatibilityMapping.utf8.elementsEqual(text.utf8),
                "U+\(String(value, radix: 16))")
        }
    }

    @Test("white space at both ends goes, of every kind")
    func trimmed() {
        for space in [" ", "\t", "\n", "\u{A0}", "\u{3000}", "\u{FEFF}", "\u{200B}", "\u{2003}", "\u{202F}"] {
            #expect(CellText.trimmed(bytes(space + "张 三" + space + space)).elementsEqual("张 三".utf8))
            #expect(CellText.isBlank(bytes(space + space)))
        }
        #expect(CellText.trimmed(bytes("…é…")).elementsEqual("…é…".utf8))
    }

    @Test(
        "whole numbers of numeric cells",
        arguments: [
            ("123", "123"), ("123.0", "123"), ("1.23E2", "123"), ("1.23456789E8", "123456789"), ("12.5", nil),
            ("1.5E0", nil), ("-5", nil), ("1E400", "x"), ("0.0", "0"), ("1E999999999", nil),
        ] as [(String, String?)])
    func numbers(_ text: String, _ expected: String?) {
        let digits = PlainNumber.wholeDigits(bytes(text)).map { String(decoding: $0, as: UTF8.self) }
        if expected == "x" { #expect(digits?.count == 401) } else { #expect(digits == expected) }
    }

    @Test("headers: all synonyms, with stars, spaces, line breaks, widths and BOM")
    func headers() {
        let names: [(ImportField, [String])] = [
            (.qq, ["QQ", "QQ号", "QQ号码", "qq", "联系方式", "\u{FEFF}ＱＱ"]),
            (.name, ["姓名", "学生姓名", "客户姓名", "名字", "*姓名", "姓 名"]),
            (.gender, ["性别", "性别(1-男,2-女)", "性别（1-男，2-女）"]), (.education, ["学历"]),
            (.graduationSchool, ["毕业学校", "毕业院校", "院校"]), (.major, ["专业", "所学专业"]), (.experience, ["工作经验", "工作年限"]),
            (.workStatus, ["职业状态", "工作状态"]), (.company, ["公司", "目前就职公司"]), (.salary, ["薪资", "当前薪资"]),
            (.source, ["来源", "客户来源", "渠道"]), (.course, ["咨询课程", "意向课程", "课\n程"]),
            (.referral, ["转介绍自学员", "推荐人QQ"]), (.status, ["状态", "报名状态"]), (.date, ["咨询日期"]), (.memo, ["备注\u{A0}"]),
            (.consultant, ["课程顾问"]),
        ]
        for (field, words) in names {
            for word in words { #expect(ImportField.named(bytes(word)) == field, "\(word)") }
        }
        #expect(ImportField.named(bytes("爱好")) == nil)
    }

    @Test("referrals: the fixpoint equals a naive one over random files", arguments: 0..<200)
    func referrals(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let rows = (0..<Int.random(in: 1...12, using: &random)).map { index in
            ReferralRules.Row(
                number: index, qq: "\(Int.random(in: 0..<8, using: &random))",
                referral: "\(Int.random(in: 0..<10, using: &random))",
                isSure: Int.random(in: 0..<6, using: &random) == 0)
        }
        var valid = Set(rows.indices)
        while let lost = valid.first(where: { index in
            !rows[index].isSure && !valid.contains { rows[$0].qq == rows[index].referral }
        }) {
            valid.remove(lost)
        }
        #expect(ReferralRules.invalid(rows) == rows.indices.filter { !valid.contains($0) })
    }

    @Test("a row's issues as JSON: errors first, quotes and line ends escaped")
    func json() {
        let issues = [RowIssue(.trimmed, .qq, "a"), RowIssue(.course, .course, "\"引号\"\n\u{1}\\")]
        #expect(
            String(decoding: RowIssue.json(issues), as: UTF8.self) == #"""
                [{"code":"E_COURSE","field":"course","message":"\"引号\"\n\u0001\\"},{"code":"W_TRIMMED","field":"qq","message":"a"}]
                """#)
    }

    private struct SeededGenerator: RandomNumberGenerator {
        private var state: UInt64

        init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
