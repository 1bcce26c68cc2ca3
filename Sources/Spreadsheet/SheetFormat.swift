/// What a file is, and all that is needed to write another one like it.
public enum SheetFormat: Sendable, Hashable {
    case csv(encoding: SheetEncoding, delimiter: SheetDelimiter)
    case xlsx
}

/// How the text of a CSV file is stored. The raw values are stable names for a database or a log.
public enum SheetEncoding: String, Sendable, Hashable, CaseIterable {
    case utf8 = "utf-8"
    case utf8WithMark = "utf-8-bom"
    case gb18030
    case gb18030WithMark = "gb18030-bom"
    case utf16LittleEndian = "utf-16le"
    case utf16LittleEndianWithMark = "utf-16le-bom"
    case utf16BigEndian = "utf-16be"
    case utf16BigEndianWithMark = "utf-16be-bom"

    /// Whether a byte order mark opens the file.
    public var hasMark: Bool {
        switch self {
        case .utf8WithMark, .gb18030WithMark, .utf16LittleEndianWithMark, .utf16BigEndianWithMark: true
        case .utf8, .gb18030, .utf16LittleEndian, .utf16BigEndian: false
        }
    }

    /// The character set's name for iconv.
    var characterSet: String {
        switch self {
        case .utf8, .utf8WithMark: "UTF-8"
        case .gb18030, .gb18030WithMark: "GB18030"
        case .utf16LittleEndian, .utf16LittleEndianWithMark: "UTF-16LE"
        case .utf16BigEndian, .utf16BigEndianWithMark: "UTF-16BE"
        }
    }
}

/// What stands between the cells of a CSV line.
public enum SheetDelimiter: String, Sendable, Hashable, CaseIterable {
    case comma = ","
    case tab = "\t"
    case semicolon = ";"
    case pipe = "|"

    var byte: UInt8 {
        switch self {
        case .comma: UInt8(ascii: ",")
        case .tab: UInt8(ascii: "\t")
        case .semicolon: UInt8(ascii: ";")
        case .pipe: UInt8(ascii: "|")
        }
    }
}
