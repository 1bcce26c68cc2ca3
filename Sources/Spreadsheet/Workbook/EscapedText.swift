internal import Glibc

/// `_x000D_` and its like in the strings of a workbook (ECMA-376 part 1, 22.9.2.19 ST_Xstring).
enum EscapedText {
    /// Replaces each escape by its character, in place; the result is never longer.
    ///
    /// - Returns: the new length.
    @unsafe static func unescape(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        if count < 7 { return count }
        guard let first = unsafe memchr(bytes, underscore, count) else { return count }
        var read = unsafe UnsafeMutableRawPointer(first) - UnsafeMutableRawPointer(bytes)
        var write = read
        while read < count {
            guard var unit = unsafe unit(bytes + read, count - read) else {
                unsafe bytes[write] = bytes[read]
                (read, write) = (read + 1, write + 1)
                continue
            }
            read += 7
            if (0xD800..<0xDC00).contains(unit), let low = unsafe self.unit(bytes + read, count - read),
                (0xDC00..<0xE000).contains(low)
            {
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                read += 7
            }
            for byte in String(Unicode.Scalar(unit) ?? "\u{FFFD}").utf8 {
                unsafe bytes[write] = byte
                write += 1
            }
        }
        return write
    }

    private static let underscore = Int32(UInt8(ascii: "_"))

    /// The code unit that an escape at the front of `bytes` stands for.
    private static func unit(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt32? {
        guard unsafe count >= 7 && bytes[0] == UInt8(ascii: "_") && bytes[1] == UInt8(ascii: "x"),
            unsafe bytes[6] == UInt8(ascii: "_")
        else { return nil }
        var unit: UInt32 = 0
        for i in 2..<6 {
            guard let digit = unsafe hexDigit(bytes[i]) else { return nil }
            unit = unit << 4 | digit
        }
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}

extension EscapedText {
    /// Adds a cell's text as the content of an XML element: markup and what XML or a workbook cannot hold are escaped.
    static func append(_ utf8: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        guard let base = utf8.baseAddress else { return }
        var plain = 0
        for i in 0..<utf8.count {
            let escape: String
            switch unsafe base[i] {
            case UInt8(ascii: "&"): escape = "&amp;"
            case UInt8(ascii: "<"): escape = "&lt;"
            case UInt8(ascii: ">"): escape = "&gt;"
            case 0x09, 0x0A: continue
            // A CR as such would be read back as a line feed (XML 1.0, 2.11).
            case 0..<0x20:
                escape = unsafe "_x00\(base[i] < 0x10 ? "0" : "")\(String(base[i], radix: 16, uppercase: true))_"
            case UInt8(ascii: "_"):
                guard unsafe unit(base + i, utf8.count - i) != nil else { continue }
                escape = "_x005F_"
            // U+FFFE and U+FFFF are no characters of XML.
            case 0xEF where unsafe i + 2 < utf8.count && base[i + 1] == 0xBF && base[i + 2] >= 0xBE:
                unsafe bytes.append(contentsOf: utf8[plain..<i])
                unsafe bytes += (base[i + 2] == 0xBE ? "_xFFFE_" : "_xFFFF_").utf8
                plain = i + 3
                continue
            default: continue
            }
            unsafe bytes.append(contentsOf: utf8[plain..<i])
            bytes += escape.utf8
            plain = i + 1
        }
        unsafe bytes.append(contentsOf: utf8[plain...])
    }
}
