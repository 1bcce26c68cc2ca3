/// What a file is, by its content.
enum FileKind {
    /// A zip file, to be read as a workbook.
    case workbook
    case text(SheetEncoding)

    static let sampleSize = 64 << 10

    /// - Throws: ``SheetError`` `.format` or `.encrypted` for whatever is no workbook and no text.
    init(of file: borrowing File) throws(SheetError) {
        let sample = try file.bytes(at: 0, count: min(file.size, Self.sampleSize))
        if Self.begins(sample, [0x50, 0x4B, 0x03, 0x04]) || Self.begins(sample, [0x50, 0x4B, 0x05, 0x06]) {
            self = .workbook
            return
        }
        if Self.begins(sample, CompoundFile.signature) { throw try CompoundFile.problem(file) }
        for (signature, name) in Self.foreign where Self.begins(sample, signature) {
            throw .format("这是\(name)，不是表格。请上传 .xlsx 或 CSV 文件。")
        }
        let encoding = try TextDetection.encoding(of: file, sample: sample)
        if try Markup.isMarkup(sample, encoding) {
            throw .format("文件内容是网页或 XML（HTML/XML），不是真正的表格。请用 Excel 打开后另存为 .xlsx 或 CSV。")
        }
        self = .text(encoding)
    }

    private static let foreign: [([UInt8], String)] = [
        (Array("%PDF-".utf8), " PDF 文件"),
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A], "图片"),
        ([0xFF, 0xD8, 0xFF], "图片"),
        (Array("GIF8".utf8), "图片"),
        (Array("Rar!".utf8), " RAR 压缩包"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], " 7z 压缩包"),
        ([0x1F, 0x8B, 0x08], " gzip 压缩包"),
        ([0x7F, 0x45, 0x4C, 0x46], "程序"),
    ]

    static func begins(_ sample: [UInt8], _ signature: [UInt8]) -> Bool { sample.starts(with: signature) }
}

/// Web pages and XML that are named like a sheet.
enum Markup {
    static func isMarkup(_ sample: [UInt8], _ encoding: SheetEncoding) throws(SheetError) -> Bool {
        // Markup begins with ASCII: in UTF-16 every other byte is 0, and no other encoding has a 0 there.
        let narrow = sample.prefix(4096).filter { $0 != 0 }
        let marks: [[UInt8]] = [[0xEF, 0xBB, 0xBF], [0xFF, 0xFE], [0xFE, 0xFF]]
        let mark = marks.first { narrow.starts(with: $0) }?.count ?? 0
        let text = narrow.dropFirst(mark).drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        if text.starts(with: Array("MIME-Version:".utf8)) { return true }
        guard text.first == UInt8(ascii: "<"), let second = text.dropFirst().first else { return false }
        return second == UInt8(ascii: "!") || second == UInt8(ascii: "?")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(second | 0x20)
    }
}
