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
