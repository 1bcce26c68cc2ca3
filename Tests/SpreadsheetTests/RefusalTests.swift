import Spreadsheet
import Testing

/// Files that are refused as a whole, and what is said.
@Suite struct RefusalTests {
    @Test func nothing() { #expect(failure([])?.code == .empty) }

    @Test func missing() { #expect(throws: SheetError.self) { try SheetReader(path: "/nonexistent/file") } }

    @Test func headerOnly() throws { #expect(try Read("姓名,QQ").rows == [Row(1, "姓名", "QQ")]) }

    @Test(arguments: [
        "<html><body><table></table></body></html>", "  \n<!DOCTYPE html><table>",
        "<?xml version=\"1.0\"?><Workbook/>",
        "<TABLE><tr><td>1</td></tr></TABLE>", "MIME-Version: 1.0\nX: y\n",
    ])
    func markup(_ text: String) throws {
        let marked: [UInt8] = [0xEF, 0xBB, 0xBF] + Array(text.utf8)
        for bytes in [Array(text.utf8), marked, [0xFF, 0xFE] + EncodingTests.utf16(text, bigEndian: false)] {
            let error = try #require(failure(bytes))
            #expect(error.code == .format && error.message.contains("另存为 .xlsx 或 CSV"))
        }
    }

    @Test("a name in angle brackets is no markup")
    func brackets() throws { #expect(try Read("<张三>,1\n").rows == [Row(1, "<张三>", "1")]) }

    @Test(arguments: [[UInt8]("%PDF-1.7".utf8), [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]])
    func otherFiles(_ bytes: [UInt8]) { #expect(failure(bytes)?.code == .format) }

    /// An OLE2 file: header, allocation table in sector 0, directory in sector 1 and, chained, sector 2.
    static func compound(_ names: [String]) -> [UInt8] {
        var bytes: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]
        bytes += [UInt8](repeating: 0, count: 0x1E - 8)
        bytes += [9, 0]
        bytes += [UInt8](repeating: 0, count: 0x30 - 0x20)
        bytes.append(1, 4)
        bytes += [UInt8](repeating: 0, count: 0x4C - 0x34)
        bytes.append(0, 4)
        bytes += [UInt8](repeating: 0xFF, count: 512 - 0x50)
        var table: [UInt8] = []
        table.append(0xFFFF_FFFD, 4)
        table.append(2, 4)
        table.append(0xFFFF_FFFE, 4)
        bytes += table + [UInt8](repeating: 0xFF, count: 512 - table.count)
        var directory: [UInt8] = []
        for name in names {
            var entry = EncodingTests.utf16(name, bigEndian: false)
            let length = entry.count + 2
            entry += [UInt8](repeating: 0, count: 64 - entry.count)
            entry.append(length, 2)
            directory += entry + [UInt8](repeating: 0, count: 62)
        }
        return bytes + directory + [UInt8](repeating: 0, count: 1024 - directory.count)
    }

    @Test func oldExcel() throws {
        let error = try #require(failure(Self.compound(["Root Entry", "Workbook"])))
        #expect(error.code == .format && error.message.contains("请另存为 .xlsx 或 CSV"))
        #expect(failure([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])?.code == .format)
    }

    @Test("an encrypted workbook, its stream in the directory's second sector")
    func encrypted() {
        let names = ["Root Entry", "EncryptionInfo", "a", "b", "c", "EncryptedPackage"]
        #expect(failure(Self.compound(names))?.code == .encrypted)
    }

    @Test func encryptedZip() {
        var zip = ZipFixture()
        zip.flags = 1
        for (name, content) in WorkbookFixture("<row><c><v>1</v></c></row>").parts() { zip.add(name, content) }
        #expect(failure(zip.finished())?.code == .encrypted)
    }

    @Test func truncatedZip() throws {
        let bytes = WorkbookFixture("<row><c><v>1</v></c></row>").bytes()
        for count in [4, 30, bytes.count / 2, bytes.count - 1] {
            #expect(failure(Array(bytes[..<count]))?.code == .format)
        }
    }

    @Test("a flipped byte inside a part is found by its checksum")
    func damaged() throws {
        let fixture = WorkbookFixture("<row><c t=\"inlineStr\"><is><t>MARK</t></is></c></row>")
        var bytes = fixture.bytes()
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("MARK".utf8)) })
        bytes[place] = UInt8(ascii: "N")
        #expect(failure(bytes)?.code == .format)
    }

    @Test("zips that are no workbook")
    func otherZips() throws {
        var zip = ZipFixture()
        zip.add("word/document.xml", Array("<document/>".utf8))
        let error = try #require(failure(zip.finished()))
        #expect(error.code == .format && error.message.contains(".xlsx"))
        #expect(failure(ZipFixture().finished())?.code == .format)
        var fixture = WorkbookFixture("")
        fixture.officeTarget = "xl/workbook.bin"
        #expect(failure(fixture.bytes())?.message.contains("xlsb") == true)
    }

    @Test(
        "a document type declaration in any part, read or not",
        arguments: [
            "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels",
            "xl/sharedStrings.xml",
            "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml",
        ])
    func doctype(_ part: String) throws {
        var fixture = WorkbookFixture("<row><c t=\"s\"><v>0</v></c></row>", strings: ["值"])
        fixture.add("another", rows: "<row><c><v>1</v></c></row>")
        #expect(failure(fixture.bytes()) == nil)
        fixture.bend = { name, bytes in
            name == part ? Array("<!DOCTYPE x [<!ENTITY a \"b\">]>".utf8) + bytes : bytes
        }
        let error = try #require(failure(fixture.bytes()))
        #expect(error.code == .format && error.message.contains("DTD"))
    }

    @Test(arguments: [
        "<row><c t=\"s\"><v>1</v></c></row>", "<row><c t=\"s\"><v>x</v></c></row>",
        "<row><c t=\"s\"><v>-1</v></c></row>",
        "<row r=\"2\"/><row r=\"2\"/>", "<row r=\"0\"/>", "<row r=\"x\"/>",
        "<row r=\"1\"><c r=\"1\"><v>1</v></c></row>",
        "<row r=\"1\"><c r=\"ZZZZZZ1\"><v>1</v></c></row>", "<row>", "<row><c>&undefined;</c></row>", "<x:row/>",
        String(repeating: "<row>", count: 300) + String(repeating: "</row>", count: 300),
        "<row a=\"\(String(repeating: "x", count: 3 << 20))\"/>",
    ])
    func malformed(_ rows: String) {
        #expect(failure(WorkbookFixture(rows, strings: ["值"]).bytes())?.code == .format)
    }
}
