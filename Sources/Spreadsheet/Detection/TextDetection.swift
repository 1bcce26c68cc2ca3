/// In which encoding a text is: mark, else UTF-16 by its zeros, else strict UTF-8, else GB18030.
///
/// A file is UTF-8 only if all of it is: one wrong byte, however late, makes it GB18030, and then a byte that GB18030
/// does not know makes it F_FORMAT. So a file is read twice at most, the first time only to validate.
enum TextDetection {
    static func encoding(of file: borrowing File, sample: [UInt8]) throws(SheetError) -> SheetEncoding {
        if sample.starts(with: [0xEF, 0xBB, 0xBF]) {
            guard try isUTF8(file) else {
                throw .format("文件开头标明是 UTF-8，但其中有不是 UTF-8 的字节。请用 Excel 另存为 .xlsx 或 CSV UTF-8。")
            }
            return .utf8WithMark
        }
        if sample.starts(with: [0x84, 0x31, 0x95, 0x33]) { return .gb18030WithMark }
        if sample.starts(with: [0xFF, 0xFE]) { return .utf16LittleEndianWithMark }
        if sample.starts(with: [0xFE, 0xFF]) { return .utf16BigEndianWithMark }
        if looksLikeUTF16(sample, lowByteFirst: true) { return .utf16LittleEndian }
        if looksLikeUTF16(sample, lowByteFirst: false) { return .utf16BigEndian }
        return try isUTF8(file) ? .utf8 : .gb18030
    }

    /// Whether a text without a mark is UTF-16: many units are ASCII, none is a control character, and there is a line
    /// end or a delimiter. In any other encoding a 0 byte is a stray, and never the half of its neighbours.
    static func looksLikeUTF16(_ sample: [UInt8], lowByteFirst: Bool) -> Bool {
        var narrow = 0
        var separators = 0
        let units = sample.count / 2
        for i in 0..<units {
            let first = UInt16(sample[2 * i])
            let second = UInt16(sample[2 * i + 1])
            let unit = lowByteFirst ? first | second << 8 : second | first << 8
            guard unit < 0x80 else { continue }
            switch unit {
            case 0x09, 0x0A, 0x0D, 0x2C, 0x3B, 0x7C: separators += 1
            case 0x20..<0x7F: break
            default: return false
            }
            narrow += 1
        }
        return separators > 0 && narrow >= 3 && narrow * 10 >= units
    }

    private static func isUTF8(_ file: borrowing File) throws(SheetError) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { unsafe buffer.deallocate() }
        file.seek(to: 0)
        var carried = 0
        while true {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[carried...])
            let count = unsafe try file.read(into: room)
            let all = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<(carried + count)])
            guard let valid = unsafe UTF8Check.validPrefix(all) else { return false }
            if count < room.count { return valid == all.count }
            carried = all.count - valid
            for i in 0..<carried { unsafe buffer[i] = all[valid + i] }
        }
    }
}
