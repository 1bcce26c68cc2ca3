import Foundation
import Spreadsheet
import Testing

/// The bytes that a writer makes of rows.
func written(
    _ rows: [[String]], as format: SheetFormat, neutralisesFormulas: Bool = true, sheet: String = "Sheet1"
) throws -> [UInt8] {
    final class Collector { var bytes: [UInt8] = [] }
    let collector = Collector()
    var writer = try SheetWriter(format: format, sheet: sheet, neutralisesFormulas: neutralisesFormulas) {
        collector.bytes += $0
    }
    for row in rows { try writer.row(row) }
    try writer.finish()
    return collector.bytes
}

@Suite struct WritingTests {
    @Test func csv() throws {
        let bytes = try written(
            [["姓名", "备注"], ["a,b", "x\"y"], ["", "第一\n第二"], ["=1+1", "'=x"], ["-5", "+8\t@"], [""]],
            as: .csv(encoding: .utf8, delimiter: .comma))
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "姓名,备注\r\n\"a,b\",\"x\"\"y\"\r\n,\"第一\n第二\"\r\n'=1+1,'=x\r\n'-5,'+8\t@\r\n\"\"\r\n")
    }

    @Test("an apostrophe goes inside the quotes, and nowhere if not asked for")
    func formulas() throws {
        let format = SheetFormat.csv(encoding: .utf8, delimiter: .semicolon)
        #expect(String(decoding: try written([["=a;b", "@x"]], as: format), as: UTF8.self) == "\"'=a;b\";'@x\r\n")
        let plain = try written([["=a;b", "@x"]], as: format, neutralisesFormulas: false)
        #expect(String(decoding: plain, as: UTF8.self) == "\"=a;b\";@x\r\n")
    }

    @Test("an error sheet in the upload's own encoding is read back the same", arguments: SheetEncoding.allCases)
    func encodings(_ encoding: SheetEncoding) throws {
        let rows = [["姓名", "QQ", "错误原因"], ["㐀𠮷", "12345", "QQ 号格式不对；应为 5–12 位数字"], ["张三😀", "€", "é ü ŷ"]]
        for delimiter in SheetDelimiter.allCases {
            let format = SheetFormat.csv(encoding: encoding, delimiter: delimiter)
            let read = try Read(written(rows, as: format))
            #expect(read.rows.map(\.cells) == rows)
            #expect(read.format == format)
        }
    }

    @Test("GB18030 bytes are the standard's")
    func gb18030() throws {
        let bytes = try written(
            [["姓名", "QQ"], ["㐀𠮷", "1"], ["张三", "2"]], as: .csv(encoding: .gb18030, delimiter: .comma))
        #expect(bytes == EncodingTests.gb18030.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] } + [0x0D, 0x0A])
    }

    @Test func workbook() throws {
        let rows = [
            ["姓名", "QQ"], ["<a&b>\"'", " 前后 "], ["", "=HYPERLINK(\"x\")"], ["行\r\n列\t", "_x000D_ _x41"],
            ["\u{1}\u{0}", "\u{FFFE}\u{FFFF}"], ["0012345678901234567", "😀𠮷"],
        ]
        let bytes = try written(rows, as: .xlsx, sheet: "错误/<1>")
        let read = try Read(bytes)
        #expect(read.rows.map(\.cells) == rows)
        #expect(read.kinds.joined().allSatisfy { $0 == .text || $0 == .empty })
        #expect(read.sheet == "错误__1_")
    }

    @Test func manyRowsAndColumns() throws {
        let rows = (0..<3000).map { row in (0..<60).map { "\(row)×\($0)" } }
        #expect(try Read(written(rows, as: .xlsx)).rows.map(\.cells) == rows)
    }

    @Test("cells given as bytes, and bytes that are no UTF-8")
    func bytes() throws {
        for format in [SheetFormat.xlsx, .csv(encoding: .utf8, delimiter: .comma)] {
            let file = try TemporaryFile([1, 2, 3])
            var writer = try SheetWriter(format: format, path: file.path)
            try writer.cell(Array("张三".utf8)[...])
            try writer.cell([0x61, 0xFF, 0x62])
            try writer.endRow()
            try writer.finish()
            #expect(
                try Read(Array(Data(contentsOf: URL(fileURLWithPath: file.path)))).rows == [Row(1, "张三", "a\u{FFFD}b")])
        }
    }

    @Test("what a cell cannot hold is an error, not a file that Excel refuses")
    func tooLong() throws {
        #expect(throws: SheetError.self) { try written([[String(repeating: "😀", count: 16_384)]], as: .xlsx) }
        _ = try written([[String(repeating: "字", count: 32_767)]], as: .xlsx)
    }

    @Test("an error of the output comes out of the writer")
    func failingOutput() throws {
        struct Full: Error {}
        #expect(throws: Full.self) {
            var writer = try SheetWriter(format: .csv(encoding: .utf8, delimiter: .comma)) { _ in throw Full() }
            try writer.row(["a"])
            try writer.finish()
        }
    }
}
