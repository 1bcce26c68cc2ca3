import Spreadsheet
import Testing

@Suite struct WorkbookReadingTests {
    @Test func everyKindOfCell() throws {
        let fixture = WorkbookFixture(
            """
            <row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1" t="s"><v> 0 </v></c></row>\
            <row r="2"><c r="A2"><v>123456789</v></c><c r="B2" t="n"><v>1.23457E+17</v></c>\
            <c r="C2" t="b"><v>1</v></c><c r="D2" t="b"><v>false</v></c><c r="E2" t="e"><v>#N/A</v></c>\
            <c r="F2" t="d"><v>2018-01-01T00:00:00</v></c><c r="G2" t="str"><f>A2&amp;""</f><v>缓存</v></c>\
            <c r="H2" t="inlineStr"><is><t>内联</t></is></c><c r="I2"><f>1+1</f></c><c r="J2"><f>1+1</f><v>2</v></c></row>
            """, strings: ["QQ", "姓名"])
        let read = try Read(fixture.bytes())
        #expect(
            read.rows == [
                Row(1, "姓名", "QQ"),
                Row(
                    2, "123456789", "1.23457E+17", "TRUE", "FALSE", "#N/A", "2018-01-01T00:00:00", "缓存", "内联", "", "2"),
            ])
        #expect(
            read.kinds[1] == [.number, .number, .boolean, .boolean, .error, .date, .text, .text, .empty, .number])
        #expect(read.format == .xlsx && read.sheet == "Sheet1" && !read.uses1904Dates)
    }

    @Test("runs are joined, phonetic text is none, escapes and spaces are kept")
    func strings() throws {
        var fixture = WorkbookFixture((0..<8).map { "<row><c t=\"s\"><v>\($0)</v></c></row>" }.joined())
        fixture.sharedStrings = fixture.sst(
            """
            <si><r><rPr><b/></rPr><t>红</t></r><r><t xml:space="preserve"> 黑</t></r><rPh sb="0" eb="1"><t>ignored</t></rPh>\
            <phoneticPr fontId="1"/></si><si><t xml:space="preserve"> 12 345 </t></si><si><t>a_x000D_b</t></si>\
            <si><t>_x005F_x000D_</t></si><si><t>_xD83D__xDE00_!</t></si><si><t>_xD83D_!</t></si>\
            <si><t>A&amp;B&#x4E2D;<![CDATA[<c>]]></t></si><si><t>_x00e9__xZZZZ_x0041</t></si>
            """)
        let read = try Read(fixture.bytes())
        #expect(
            read.rows.map(\.cells) == [
                ["红 黑"], [" 12 345 "], ["a\rb"], ["_x000D_"], ["😀!"], ["\u{FFFD}!"], ["A&B中<c>"], ["é_xZZZZ_x0041"],
            ])
    }

    @Test("inline strings have runs and phonetic text too")
    func inlineRuns() throws {
        let fixture = WorkbookFixture(
            "<row><c t=\"inlineStr\"><is><r><t>a</t></r><r><t>b</t></r><rPh sb=\"0\" eb=\"1\"><t>c</t></rPh></is></c></row>"
        )
        #expect(try Read(fixture.bytes()).rows == [Row(1, "ab")])
    }

    @Test("rows and cells without r, gaps, empty rows: numbers are Excel's")
    func references() throws {
        let fixture = WorkbookFixture(
            """
            <row><c><v>1</v></c><c/><c><v>3</v></c></row><row/><row r="5"><c r="C5"><v>4</v></c><c><v>5</v></c></row>\
            <row><c r="B9"><v>6</v></c></row><row><c><v>7</v></c></row><row r="20"><c r="B20"><v>2</v></c><c r="A20"><v>1</v></c></row>
            """)
        #expect(
            try Read(fixture.bytes()).rows == [
                Row(1, "1", "", "3"), Row(5, "", "", "4", "5"), Row(9, "", "6"), Row(10, "7"), Row(20, "1", "2"),
            ])
    }

    @Test("60,000 formatted empty rows between and after are passed over")
    func formattedRows() throws {
        func empty(_ range: ClosedRange<Int>) -> String {
            range.map {
                "<row r=\"\($0)\" s=\"1\" customFormat=\"1\"><c r=\"A\($0)\" s=\"1\"/><c r=\"B\($0)\" s=\"1\"/></row>"
            }
            .joined()
        }
        let fixture = WorkbookFixture(
            "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>" + empty(2...30_000)
                + "<row r=\"30001\"><c r=\"A30001\"><v>2</v></c></row>" + empty(30_002...62_000))
        #expect(try Read(fixture.bytes()).rows == [Row(1, "1"), Row(30_001, "2")])
    }

    @Test("extensions, comments and elements of other namespaces are passed over")
    func foreign() throws {
        let fixture = WorkbookFixture(
            """
            <row r="1"><!-- <c><v>9</v></c> --><c r="A1"><v>1</v><extLst><ext uri="x"><v>8</v><is><t>no</t></is></ext></extLst></c>\
            <x:c xmlns:x="urn:other" r="B1"><x:v>7</x:v></x:c><c r="C1"><other xmlns="urn:o"><v>5</v></other><v>3</v></c></row>
            """)
        #expect(try Read(fixture.bytes()).rows == [Row(1, "1", "", "3")])
    }

    @Test("merged cells and what follows the rows do no harm")
    func merged() throws {
        var fixture = WorkbookFixture("<row r=\"1\"><c r=\"A1\"><v>1</v></c><c r=\"B1\" s=\"2\"/></row>")
        fixture.sheets[0].xml = fixture.sheets[0].xml.replacing(
            "</worksheet>",
            with: "<mergeCells count=\"1\"><mergeCell ref=\"A1:C1\"/></mergeCells>"
                + "<sheetData><row><c><v>no</v></c></row></sheetData></worksheet>")
        #expect(try Read(fixture.bytes()).rows == [Row(1, "1")])
    }

    @Test(arguments: ["1", "true"]) func dates1904(_ value: String) throws {
        var fixture = WorkbookFixture("<row><c><v>1</v></c></row>")
        fixture.workbookProperties = "<workbookPr date1904=\"\(value)\"/>"
        #expect(try Read(fixture.bytes()).uses1904Dates)
    }
}

@Suite struct SheetChoiceTests {
    static func fixture() -> WorkbookFixture {
        var fixture = WorkbookFixture("<row r=\"1\" s=\"3\"/><row r=\"2\"><c r=\"A2\" s=\"1\"/></row>", strings: ["x"])
        fixture.add("字典", state: "hidden", rows: "<row><c><v>1</v></c></row>")
        fixture.add("客户", rows: "<row r=\"3\"><c t=\"s\"><v>0</v></c></row>")
        fixture.add("Other", state: "veryHidden", rows: "<row><c><v>4</v></c></row>")
        return fixture
    }

    @Test("the first visible sheet with content")
    func first() throws {
        let read = try Read(Self.fixture().bytes())
        #expect(read.sheet == "客户")
        #expect(read.rows == [Row(3, "x")])
    }

    @Test("by name: hidden ones too, and in any case", arguments: [("字典", "1"), ("other", "4"), ("客户", "x")])
    func named(_ name: String, _ cell: String) throws {
        #expect(try Read(Self.fixture().bytes(), sheet: name).rows.map(\.cells) == [[cell]])
    }

    @Test func namedAndEmpty() throws { #expect(try Read(Self.fixture().bytes(), sheet: "Sheet1").rows.isEmpty) }

    @Test("an unknown name lists the known ones")
    func unknown() throws {
        let error = try #require(failure(Self.fixture().bytes(), sheet: "名单"))
        #expect(error.code == .sheet)
        #expect(error.message.contains("名单") && error.message.contains("客户"))
        #expect(failure(Array("a,b\n".utf8), sheet: "x")?.code == .sheet)
        #expect(try Read(Array("a,b\n".utf8), sheet: "").rows.count == 1)
    }

    @Test("only hidden sheets have content")
    func empty() {
        var fixture = WorkbookFixture("")
        fixture.add("字典", state: "hidden", rows: "<row><c><v>1</v></c></row>")
        #expect(failure(fixture.bytes())?.code == .empty)
    }
}
