import Postgres
import Spreadsheet
import Testing

@testable import CRM

/// Bad rows 14–21: states, shapes of sheets, whole files.
@Suite("Import: bad sheets")
struct BadFileTests {
    @Test("§10.3 row 14: 已报名 is closed without an assignment")
    func enrolled() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(
                """
                姓名,性别,QQ,状态,课程顾问
                甲,男,100001,已报名,
                乙,女,100002,未报名,
                丙,女,100003,已报名,wanger
                丁,男,100004,未报名,王二
                戊,男,100005,,李一
                己,男,100006,,zhaosi
                庚,男,100007,已报名,孙五
                """)
            #expect(
                try await lab.story(id) == [
                    "2 ok", "3 ok", "4 ok", "5 ok", "6 error E_CONSULTANT", "7 error E_CONSULTANT", "8 ok",
                ])
            #expect(
                try await lab.text("SELECT string_agg(qq || ' ' || pool_state, ',' ORDER BY qq) FROM crm_customer")
                    == "100001 closed,100002 private,100003 closed,100004 private,100007 closed")
            #expect(
                try await lab.text(
                    """
                    SELECT string_agg(c.qq || ' ' || d.user_id || ' ' || d.status || ' ' || d.origin, ',' ORDER BY c.qq)
                    FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
                    """)
                    == "100002 2 1 auto,100003 2 2 import,100004 2 1 import,100007 5 2 import")
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot WHERE state = 'used'") == 1)
        }
    }

    @Test("§10.3 row 15: the sample row of the CRM's template is skipped")
    func sampleRow() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("性别(1-男,2-女)"), .text("QQ号")])
            book.row([.text("张三"), .number("1"), .number("123456789"), .text("（示例行请自行删除）")])
            book.row([.text("李四"), .number("2"), .number("223456789")])
            let id = try await lab.take(book.bytes, "批量导入客户.xlsx")
            #expect(try await lab.story(id) == ["2 skipped W_SAMPLE_ROW", "3 ok"])
            #expect(try await lab.view(id).rows == .init(read: 2, ok: 1, duplicate: 0, error: 0, skipped: 1))
            for template in ImportTemplate.allCases {
                let ours = try await lab.take(template.bytes(), template.fileName)
                #expect(try await lab.story(ours) == ["2 skipped W_SAMPLE_ROW"])
            }
        }
    }

    @Test("§10.3 row 16: blank rows are no data rows and numbers are Excel's")
    func blankRows() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ")])
            book.row([.text("甲"), .text("100001")], at: 4)
            book.row([.text(" "), .none], at: 5)
            book.row([.text("乙"), .text("bad")], at: 9)
            book.emptyRows = 60_000
            let id = try await lab.take(book.bytes, "a.xlsx")
            #expect(try await lab.story(id) == ["4 ok", "9 error E_QQ_FORMAT"])
            #expect(try await lab.view(id).rows.read == 2)
            let csv = try await lab.take("姓名,QQ\n\n,\n甲,200001\n\n乙,x\n")
            #expect(try await lab.story(csv) == ["4 ok", "6 error E_QQ_FORMAT"])
        }
    }

    @Test("§10.3 row 17: a title above the header, and a row 合计 below")
    func titleAndTotal() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("2018 年 5 月客户名单")])
            book.row([])
            book.row([.text("*姓名 "), .text("Q Q\n号"), .text("渠道"), .text("爱好")])
            book.row([.text("甲"), .text("100001"), .text("SEO"), .text("足球")])
            book.row([.text("合计"), .none, .number("1")])
            let id = try await lab.take(book.bytes, "a.xlsx")
            #expect(try await lab.story(id) == ["4 ok", "5 error E_REQUIRED"])
            let view = try await lab.view(id)
            #expect(view.warnings.map(\.code) == ["W_UNKNOWN_COLUMN"])
            #expect(view.warnings[0].message.contains("爱好"))
        }
    }

    @Test("§10.3 row 18: a formula counts as its value, an error value is E_CELL_ERROR")
    func formulas() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ"), .text("公司")])
            book.row([.text("甲"), .formula("A2&\"\"", "100001")])
            book.row([.text("乙"), .error("#N/A")])
            book.row([.text("丙"), .text("100003"), .error("#REF!")])
            let id = try await lab.take(book.bytes, "a.xlsx")
            #expect(try await lab.story(id) == ["2 ok", "3 error E_CELL_ERROR", "4 error E_CELL_ERROR"])
            #expect(try await lab.rows(id)[1].errors.map(\.field) == ["qq"])
            let csv = try await lab.take("姓名,QQ\n甲,#N/A\n")
            #expect(try await lab.story(csv) == ["2 error E_CELL_ERROR"])
        }
    }

    @Test(
        "§10.3 row 19: CSV in every encoding and shape",
        arguments: [
            SheetFormat.csv(encoding: .gb18030, delimiter: .comma),
            .csv(encoding: .utf8WithMark, delimiter: .semicolon),
            .csv(encoding: .utf16LittleEndianWithMark, delimiter: .tab), .csv(encoding: .utf8, delimiter: .tab),
        ])
    func encodings(_ format: SheetFormat) async throws {
        try await ImportLab.with { lab in
            let sink = ByteSink()
            var writer = try SheetWriter(format: format) { sink.bytes += $0 }
            try writer.row(["姓名", "QQ", "公司", "备注"])
            try writer.row(["㐀𠮷", "100001", "中国石油大学（华东）", "第一行\n第二行，有\"引号\""])
            try writer.row(["乙", "100002", "a;b,c", ""])
            try writer.finish()
            while let last = sink.bytes.last, last == 0x0A || last == 0x0D || (last == 0 && sink.bytes.count > 2) {
                // The last line has no end.
                guard last != 0 || sink.bytes[sink.bytes.count - 2] == 0x0A || sink.bytes[sink.bytes.count - 2] == 0x0D
                else { break }
                sink.bytes.removeLast()
            }
            let id = try await lab.take(sink.bytes)
            #expect(try await lab.story(id).map { $0.hasSuffix(" ok") } == [true, true])
            #expect(
                try await lab.text("SELECT name || company FROM crm_customer WHERE qq = '100001'") == "㐀𠮷中国石油大学（华东）")
            #expect(try await lab.text("SELECT note FROM paidan.customer_remark") == "第一行\n第二行，有\"引号\"")
            #expect(try await lab.text("SELECT company FROM crm_customer WHERE qq = '100002'") == "a;b,c")
        }
    }

    static let badFiles: [(name: String, bytes: [UInt8], code: String)] = {
        var book = TestWorkbook()
        book.row([.text("姓名"), .text("QQ")])
        book.row([.text("甲"), .text("100001")])
        let whole = book.bytes
        book.isEncrypted = true
        return [
            ("truncated.xlsx", Array(whole.prefix(whole.count / 2)), "F_FORMAT"),
            (
                "old.xls", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1] + [UInt8](repeating: 0, count: 2040),
                "F_FORMAT"
            ),
            ("html.xls", Array("<html><body><table><tr><td>姓名</td></tr></table></body></html>".utf8), "F_FORMAT"),
            ("password.xlsx", book.bytes, "F_ENCRYPTED"),
            ("empty.csv", [], "F_EMPTY"), ("header.csv", Array("姓名,QQ\n".utf8), "F_EMPTY"),
            ("blank.csv", Array("姓名,QQ\n , \n".utf8), "F_EMPTY"),
            ("none.csv", Array("a,b\n1,2\n".utf8), "F_HEADER"), ("half.csv", Array("姓名,手机\n甲,1\n".utf8), "F_HEADER"),
            ("twice.csv", Array("姓名,QQ,联系方式\n甲,100001,2\n".utf8), "F_HEADER"),
        ]
    }()

    @Test("§10.3 row 20: a whole-file error fails the import and stores nothing", arguments: badFiles.map(\.name))
    func wholeFile(_ name: String) async throws {
        let file = try #require(Self.badFiles.first { $0.name == name })
        try await ImportLab.with { lab in
            let id = try await lab.take(file.bytes, name)
            let view = try await lab.view(id)
            #expect(view.state == "failed")
            #expect(view.error?.code == file.code, "\(view.error?.message ?? "no error")")
            #expect(view.error?.message.isEmpty == false)
            #expect(view.rows == .init(read: 0, ok: 0, duplicate: 0, error: 0, skipped: 0))
            #expect(try await lab.rows(id).isEmpty)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer") == 0)
        }
    }

    @Test("§10.3 row 20: an error far down in the file stores nothing of the rows above it")
    func lateError() async throws {
        try await ImportLab.with(ImportLab.settings { $0.limits.rows = 12 }) { lab in
            let rows = (0..<20).map { "甲,1000\($0 + 10)\n" }.joined()
            let id = try await lab.take("姓名,QQ\n" + rows)
            let view = try await lab.view(id)
            #expect(view.state == "failed" && view.error?.code == "F_LIMIT")
            #expect(view.rows.read == 0)
            #expect(try await lab.rows(id).isEmpty)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer") == 0)
            #expect(try await lab.count("SELECT count(*) FROM paidan.event WHERE type = 'import_finished'") == 1)
        }
    }

    @Test("control characters in names and headers do no harm")
    func controlCharacters() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(Array("姓\u{0}名,QQ,爱\u{0}好\n甲,100001,\u{0}\n".utf8), "a\u{0}b.csv")
            #expect(try await lab.view(id).error?.code == "F_HEADER")
            let good = try await lab.take(Array("姓名,QQ,爱\u{0}好\n甲,100001,\u{0}\n".utf8), "a\u{0}b.csv")
            #expect(try await lab.story(good) == ["2 ok"])
            #expect(try await lab.view(good).fileName == "ab.csv")
        }
    }

    @Test("§10.3 row 20: a zip bomb is F_LIMIT")
    func bomb() async throws {
        let sink = ByteSink()
        var writer = try SheetWriter(format: .xlsx) { sink.bytes += $0 }
        try writer.row(["姓名", "QQ"])
        for _ in 0..<5000 { try writer.row(["甲", "100001"]) }
        try writer.finish()
        try await ImportLab.with(ImportLab.settings { ($0.limits.zipRatio, $0.limits.unpackedFloor) = (5, 4096) }) {
            lab in
            let id = try await lab.take(sink.bytes, "bomb.xlsx")
            #expect(try await lab.view(id).error?.code == "F_LIMIT")
            #expect(try await lab.rows(id).isEmpty)
        }
    }

    @Test("§10.3 row 20: an unknown sheet= is F_HEADER")
    func unknownSheet() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ")])
            book.row([.text("甲"), .text("100001")])
            let id = try await lab.take(book.bytes, "a.xlsx") { $0.sheet = "没有" }
            #expect(try await lab.view(id).error?.code == "F_HEADER")
            let good = try await lab.take(book.bytes, "a.xlsx") { $0.sheet = "客户" }
            #expect(try await lab.view(good).state == "done")
        }
    }

    @Test("§10.3 row 21: a formula in 备注 is stored as text and neutralised in the error file")
    func formulaInjection() async throws {
        try await ImportLab.with { lab in
            let formula = "=HYPERLINK(\"http://example.com\")"
            let id = try await lab.take(
                "姓名,QQ,备注\n甲,100001,\"=HYPERLINK(\"\"http://example.com\"\")\"\n乙,x,\"=HYPERLINK(\"\"http://example.com\"\")\"\n"
            )
            #expect(try await lab.text("SELECT note FROM paidan.customer_remark") == formula)
            let sheet = try await lab.errorSheet(id)
            #expect(sheet.contains("'=HYPERLINK"))
            // The error file imports again, without the guard.
            let mended = sheet.replacing("乙,x", with: "乙,100002")
            try await lab.take(mended)
            #expect(try await lab.text("SELECT string_agg(DISTINCT note, '|') FROM paidan.customer_remark") == formula)
        }
    }
}

final class ByteSink {
    var bytes: [UInt8] = []
}

extension ImportLab {
    /// The error sheet as text (CSV in UTF-8).
    func errorSheet(_ importID: Int) async throws -> String {
        String(decoding: try await errorBytes(importID), as: UTF8.self)
    }

    func errorBytes(_ importID: Int) async throws -> [UInt8] {
        let sink = ByteSink()
        try await ErrorSheet(store, importID).write { sink.bytes += $0 }
        return sink.bytes
    }
}
