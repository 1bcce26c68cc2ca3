import Foundation
import Testing

@testable import Spreadsheet

/// Whatever ECMA-376 allows is read.
@Suite struct ToleranceTests {
    static let rows = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\"><v>5</v></c></row>"

    static func expectRead(_ fixture: WorkbookFixture) throws {
        #expect(try Read(fixture.bytes()).rows == [Row(1, "值", "5")])
    }

    @Test func strict() throws {
        var fixture = WorkbookFixture("")
        fixture.main = WorkbookFixture.strict
        fixture.document = "http://purl.oclc.org/ooxml/officeDocument/relationships"
        fixture.sheets[0].xml = fixture.worksheet(Self.rows)
        fixture.sharedStrings = fixture.sst("<si><t>值</t></si>")
        try Self.expectRead(fixture)
    }

    @Test func prefixes() throws {
        var fixture = WorkbookFixture(Self.rows, strings: ["值"])
        fixture.bend = { name, bytes in
            guard name.hasPrefix("xl/"), !name.hasSuffix(".rels") else { return bytes }
            let text = String(decoding: bytes, as: UTF8.self)
            let prefixed = text.replacing(/<(\/?)([a-zA-Z]+)/) { "<\($0.1)x:\($0.2)" }
                .replacing("xmlns=", with: "xmlns:x=")
            return Array(prefixed.utf8)
        }
        try Self.expectRead(fixture)
    }

    @Test("UTF-16 with a mark, UTF-8 with one", arguments: [0, 1, 2])
    func encodings(_ which: Int) throws {
        var fixture = WorkbookFixture(Self.rows, strings: ["值"])
        fixture.bend = { _, bytes in
            let head = which == 0 ? "" : "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n"
            let text = head + String(decoding: bytes, as: UTF8.self)
            switch which {
            case 0: return [0xEF, 0xBB, 0xBF] + bytes
            case 1: return [0xFF, 0xFE] + EncodingTests.utf16(text, bigEndian: false)
            default: return [0xFE, 0xFF] + EncodingTests.utf16(text, bigEndian: true)
            }
        }
        try Self.expectRead(fixture)
    }

    @Test func absoluteTargets() throws {
        var fixture = WorkbookFixture(Self.rows, strings: ["值"])
        fixture.officeTarget = "/xl/workbook.xml"
        fixture.sheets[0].target = "/xl/worksheets/sheet1.xml"
        try Self.expectRead(fixture)
        fixture.sheets[0].target = "../xl/./worksheets/SHEET1.xml"
        try Self.expectRead(fixture)
    }

    @Test("entries with a slash in front, backslashes, other case", arguments: [0, 1, 2])
    func entryNames(_ which: Int) throws {
        var fixture = WorkbookFixture(Self.rows, strings: ["值"])
        fixture.rename = { name in
            switch which {
            case 0: "/" + name
            case 1: name.replacing("/", with: "\\")
            default: name.uppercased()
            }
        }
        try Self.expectRead(fixture)
    }

    @Test("the workbook and its sheets lie anywhere; names are percent-encoded in targets")
    func elsewhere() throws {
        var fixture = WorkbookFixture(Self.rows, strings: ["值"])
        fixture.workbookPart = "some/where/book.xml"
        fixture.sheets[0].target = "work%73heets/sheet1.xml"
        try Self.expectRead(fixture)
    }

    @Test("a chart sheet is no sheet of rows")
    func chart() throws {
        var fixture = WorkbookFixture("<row><c><v>no</v></c></row>", strings: ["值"])
        fixture.add("数据", rows: Self.rows)
        fixture.bend = { name, bytes in
            guard name.hasSuffix("workbook.xml.rels") else { return bytes }
            let text = String(decoding: bytes, as: UTF8.self)
            return Array(
                text.replacing("/worksheet\" Target=\"worksheets/sheet1", with: "/chartsheet\" Target=\"x/y").utf8)
        }
        try Self.expectRead(fixture)
    }

    @Test("a streamed zip: deflated, sizes after each entry")
    func streamed() throws {
        let packed = try deflated(WorkbookFixture(Self.rows, strings: ["值"]).parts())
        #expect(try Read(packed).rows == [Row(1, "值", "5")])
    }
}

/// A streamed zip of parts, made by the writer's own zip.
func deflated(_ parts: [(String, [UInt8])]) throws -> [UInt8] {
    final class Collector { var bytes: [UInt8] = [] }
    let collector = Collector()
    var zip = try ZipStream { collector.bytes += $0 }
    for (name, content) in parts {
        try zip.begin(name)
        try zip.write(content)
        try zip.end()
    }
    try zip.finish()
    return collector.bytes
}
