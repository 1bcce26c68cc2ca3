/// Writes a workbook with one sheet of inline strings, part by part into a streamed zip.
final class WorkbookSink: RowSink {
    private var zip: ZipStream
    private var pending: [UInt8] = []
    private var row = 1
    private var column = 0

    private static let pieceSize = 64 << 10
    /// Excel's own bounds ("Excel specifications and limits").
    private static let mostRows = 1_048_576
    private static let mostColumns = 16_384
    private static let mostUnits = 32_767

    init(sheet: String, output: @escaping ([UInt8]) throws -> Void) throws {
        zip = try ZipStream(output: output)
        for (name, content) in WorkbookTemplate.parts(sheet: sheet) {
            try zip.begin(name)
            try zip.write(Array(content.utf8))
            try zip.end()
        }
        try zip.begin("xl/worksheets/sheet1.xml")
        pending += WorkbookTemplate.sheetHead.utf8
        beginRow()
    }

    func cell(_ utf8: UnsafeBufferPointer<UInt8>) throws {
        let place = column
        column += 1
        if utf8.isEmpty { return }
        if row > Self.mostRows || place >= Self.mostColumns {
            throw SheetError(code: .limit, message: "输出超过 Excel 的上限（\(Self.mostRows) 行、\(Self.mostColumns) 列）。")
        }
        if unsafe utf8.count > Self.mostUnits && Self.units(utf8) > Self.mostUnits {
            throw SheetError(code: .limit, message: "输出第 \(row) 行有内容超过 Excel 单元格上限 \(Self.mostUnits) 个字符。")
        }
        pending += "<c r=\"".utf8
        Self.appendReference(row: row, column: place, to: &pending)
        pending += "\" t=\"inlineStr\"><is><t xml:space=\"preserve\">".utf8
        unsafe EscapedText.append(utf8, to: &pending)
        pending += "</t></is></c>".utf8
    }

    func endRow() throws {
        pending += "</row>".utf8
        row += 1
        column = 0
        if pending.count >= Self.pieceSize { try flush() }
        beginRow()
    }

    func finish() throws {
        pending += "</row></sheetData></worksheet>".utf8
        try flush()
        try zip.end()
        try zip.finish()
    }

    private func beginRow() {
        pending += "<row r=\"".utf8
        pending += String(row).utf8
        pending += "\">".utf8
    }

    private func flush() throws {
        try zip.write(pending)
        pending.removeAll(keepingCapacity: true)
    }

    /// UTF-16 code units, in which Excel counts.
    private static func units(_ utf8: UnsafeBufferPointer<UInt8>) -> Int {
        var units = 0
        for i in 0..<utf8.count {
            let byte = unsafe utf8[i]
            units += byte & 0xC0 == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1
        }
        return units
    }

    static func appendReference(row: Int, column: Int, to bytes: inout [UInt8]) {
        var letters: [UInt8] = []
        var rest = column
        repeat {
            letters.append(UInt8(ascii: "A") + UInt8(rest % 26))
            rest = rest / 26 - 1
        } while rest >= 0
        bytes += letters.reversed()
        bytes += String(row).utf8
    }
}
