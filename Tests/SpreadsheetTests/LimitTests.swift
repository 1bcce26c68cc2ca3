import Testing

@testable import Spreadsheet

/// Each limit is a whole-file error that names it; what lies just within passes.
@Suite struct LimitTests {
    static func expect(_ error: SheetError?, names text: String, _ comment: Comment? = nil) {
        #expect(error?.code == .limit, comment)
        #expect(error?.message.contains(text) == true, comment)
    }

    @Test func fileSize() {
        var limits = SheetLimits()
        limits.fileBytes = 1 << 20
        Self.expect(failure([UInt8](repeating: 0x61, count: 1 << 20 + 1), limits: limits), names: "1 MB")
        limits.fileBytes = 4
        #expect(failure(Array("a,b\n".utf8), limits: limits) == nil)
    }

    @Test func defaults() {
        let limits = SheetLimits()
        #expect(limits.fileBytes == 209_715_200 && limits.rows == 1_048_576)
        #expect(limits.columns == 256 && limits.cellCharacters == 32_767)
    }

    @Test("1,048,576 CSV rows, header included; one more is too many; blank lines at the end are none")
    func csvRows() throws {
        var text = [UInt8]()
        for _ in 0..<1_048_576 { text += [0x61, 0x0A] }
        let file = try TemporaryFile(text + [0x0A, 0x0A])
        var reader = try SheetReader(path: file.path)
        var row = SheetRow()
        while try reader.next(into: &row) {}
        #expect(row.number == 1_048_576)
        Self.expect(failure(text + [0x61], limits: .init()), names: "1048576 行")
    }

    @Test func workbookRows() {
        let rows = "<row r=\"1048576\"><c><v>1</v></c></row>"
        #expect(failure(WorkbookFixture(rows).bytes()) == nil)
        #expect(failure(WorkbookFixture(rows + "<row><c s=\"1\"/></row>").bytes()) == nil)
        Self.expect(failure(WorkbookFixture(rows + "<row><c><v>1</v></c></row>").bytes()), names: "1048576 行")
    }

    @Test func columns() {
        let line = Array(String(repeating: "x,", count: 255).utf8)
        #expect(failure(line + [0x78]) == nil)
        #expect(failure(line + Array("x,,,,,,".utf8)) == nil, "columns without content do not count")
        Self.expect(failure(line + Array("x,x".utf8)), names: "256 列")
        #expect(failure(WorkbookFixture("<row><c r=\"IV1\"><v>1</v></c><c r=\"XFD1\" s=\"1\"/></row>").bytes()) == nil)
        Self.expect(failure(WorkbookFixture("<row><c r=\"IW1\"><v>1</v></c></row>").bytes()), names: "256 列")
    }

    @Test("32,767 characters of three bytes pass, one more does not; and in all places of a workbook")
    func cells() {
        let most = String(repeating: "字", count: 32_767)
        #expect(failure(Array("a,\(most)\n".utf8)) == nil)
        Self.expect(failure(Array("a,\(most)字\n".utf8)), names: "32767 个字符")
        for (fits, cell) in [(true, most), (false, most + "字")] {
            let inline = "<row><c t=\"inlineStr\"><is><t>\(cell)</t></is></c></row>"
            let cached = "<row><c t=\"str\"><v>\(cell)</v></c></row>"
            let shared = WorkbookFixture("<row><c t=\"s\"><v>0</v></c></row>", strings: [cell])
            for fixture in [WorkbookFixture(inline), WorkbookFixture(cached), shared] {
                let error = failure(fixture.bytes())
                if fits { #expect(error == nil) } else { Self.expect(error, names: "32767 个字符") }
            }
        }
    }

    @Test("a quote that swallows a large file ends at the cell's limit, not at the memory's")
    func swallowed() {
        let text = Array("a,\"b\n".utf8) + [UInt8](repeating: 0x61, count: 3 << 20)
        Self.expect(failure(text), names: "32767 个字符")
    }

    @Test("a part that unpacks to over 100 times its size")
    func bomb() throws {
        let spaces = [UInt8](repeating: 0x20, count: 20 << 20)
        var fixture = WorkbookFixture("<row><c><v>1</v></c></row>")
        fixture.bend = { $0.hasSuffix("sheet1.xml") ? Array("<worksheet>".utf8) + spaces : $1 }
        let bytes = try deflated(fixture.parts())
        #expect(bytes.count < 1 << 20)
        Self.expect(failure(bytes), names: "100 倍")
    }

    @Test func sharedStrings() {
        var limits = SheetLimits()
        limits.sharedStringBytes = 8
        let fixture = WorkbookFixture("<row><c t=\"s\"><v>0</v></c></row>", strings: ["123456", "789"])
        Self.expect(failure(fixture.bytes(), limits: limits), names: "8 字节")
    }

    @Test("one cell named again and again does not grow the row for ever")
    func repeated() {
        var limits = SheetLimits()
        limits.columns = 2
        limits.cellCharacters = 10
        let cell = "<c r=\"A1\"><v>1234567890</v></c>"
        let error = failure(WorkbookFixture("<row>\(String(repeating: cell, count: 50))</row>").bytes(), limits: limits)
        Self.expect(error, names: "2 列")
    }
}
