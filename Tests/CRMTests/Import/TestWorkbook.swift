/// An .xlsx as the tests need it: stored zip entries, one sheet, cells of any type. Ours, so that the reader is not
/// tested with the writer beside it.
struct TestWorkbook {
    enum Cell {
        case text(String)
        /// As it stands in the file.
        case number(String)
        case error(String)
        /// Formula and cached text.
        case formula(String, String)
        case none
    }

    var uses1904 = false
    var isEncrypted = false
    /// Row number to its cells.
    private var rows: [(number: Int, cells: [Cell])] = []
    /// Empty formatted rows after the last.
    var emptyRows = 0

    mutating func row(_ cells: [Cell], at number: Int? = nil) {
        rows.append((number ?? (rows.last?.number ?? 0) + 1, cells))
    }

    var bytes: [UInt8] {
        var zip = StoredZip()
        zip.isEncrypted = isEncrypted
        zip.add(
            "[Content_Types].xml",
            """
            <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
            <Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
            <Default Extension="xml" ContentType="application/xml"/>\
            <Override PartName="/xl/workbook.xml" \
            ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>\
            <Override PartName="/xl/worksheets/sheet1.xml" \
            ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>
            """)
        zip.add(
            "_rels/.rels",
            """
            <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
            <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" \
            Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" \
            Target="xl/workbook.xml"/></Relationships>
            """)
        zip.add(
            "xl/_rels/workbook.xml.rels",
            """
            <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
            <Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" \
            Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" \
            Target="worksheets/sheet1.xml"/></Relationships>
            """)
        zip.add(
            "xl/workbook.xml",
            """
            <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
            <workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" \
            xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">\
            <workbookPr date1904="\(uses1904 ? 1 : 0)"/>\
            <sheets><sheet name="客户" sheetId="1" r:id="rId1"/></sheets></workbook>
            """)
        zip.add("xl/worksheets/sheet1.xml", sheet)
        return zip.finished
    }

    private var sheet: String {
        var xml = """
            <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
            <worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
            """
        for row in rows {
            xml += "<row r=\"\(row.number)\">"
            for (column, cell) in row.cells.enumerated() {
                let name = "\(Character(Unicode.Scalar(UInt8(65 + column))))\(row.number)"
                switch cell {
                case .text(let text):
                    xml +=
                        "<c r=\"\(name)\" t=\"inlineStr\"><is><t xml:space=\"preserve\">\(escaped(text))</t></is></c>"
                case .number(let text): xml += "<c r=\"\(name)\"><v>\(text)</v></c>"
                case .error(let text): xml += "<c r=\"\(name)\" t=\"e\"><v>\(text)</v></c>"
                case .formula(let formula, let value):
                    xml += "<c r=\"\(name)\" t=\"str\"><f>\(escaped(formula))</f><v>\(escaped(value))</v></c>"
                case .none: xml += "<c r=\"\(name)\" s=\"0\"/>"
                }
            }
            xml += "</row>"
        }
        let last = rows.last?.number ?? 0
        for number in 0..<emptyRows { xml += "<row r=\"\(last + 1 + number)\" s=\"0\" customFormat=\"1\"/>" }
        return xml + "</sheetData></worksheet>"
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}

/// A zip archive whose entries are stored as they are.
struct StoredZip {
    /// Says of each entry that it is encrypted.
    var isEncrypted = false
    private var body: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0

    mutating func add(_ name: String, _ text: String) {
        let (name, data) = (Array(name.utf8), Array(text.utf8))
        let offset = body.count
        var common: [UInt8] = []
        common += Self.bytes(UInt16(20)) + Self.bytes(UInt16(isEncrypted ? 0x0801 : 0x0800)) + Self.bytes(UInt16(0))
        common += Self.bytes(UInt32(0x0021_0000)) + Self.bytes(Self.crc32(data))
        common += Self.bytes(UInt32(data.count)) + Self.bytes(UInt32(data.count))
        common += Self.bytes(UInt16(name.count)) + Self.bytes(UInt16(0))
        body += Self.bytes(UInt32(0x0403_4B50)) + common + name + data
        directory += Self.bytes(UInt32(0x0201_4B50)) + Self.bytes(UInt16(20)) + common
        directory += [UInt8](repeating: 0, count: 10) + Self.bytes(UInt32(offset)) + name
        count += 1
    }

    var finished: [UInt8] {
        var end = Self.bytes(UInt32(0x0605_4B50)) + [0, 0, 0, 0]
        end += Self.bytes(UInt16(count)) + Self.bytes(UInt16(count))
        end += Self.bytes(UInt32(directory.count)) + Self.bytes(UInt32(body.count)) + [0, 0]
        return body + directory + end
    }

    private static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static func crc32(_ data: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in data {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
