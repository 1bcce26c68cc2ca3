internal import Foundation

/// What is done to the UTF-8 bytes of one cell, without copying where nothing changes.
enum CellText {
    /// Without white space at both ends: ASCII, no-break, ideographic and zero-width spaces, BOM.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var start = bytes.startIndex
        var end = bytes.endIndex
        while start < end {
            let byte = bytes[start]
            if byte > 0x20 && byte < 0x80 { break }
            let width = spaceWidth(bytes, at: start, before: end)
            if width == 0 { break }
            start += width
        }
        while start < end {
            let byte = bytes[end - 1]
            if byte > 0x20 && byte < 0x80 { break }
            let width = spaceWidth(bytes, endingAt: end, after: start)
            if width == 0 { break }
            end -= width
        }
        return bytes[start..<end]
    }

    static func isBlank(_ bytes: ArraySlice<UInt8>) -> Bool { trimmed(bytes).isEmpty }

    /// Bytes of the white space that starts at `index`, 0 if there is none.
    private static func spaceWidth(_ bytes: ArraySlice<UInt8>, at index: Int, before end: Int) -> Int {
        let first = bytes[index]
        if isASCIISpace(first) { return 1 }
        if first == 0xC2 { return index + 1 < end && bytes[index + 1] == 0xA0 ? 2 : 0 }
        guard first == 0xE2 || first == 0xE3 || first == 0xEF, index + 2 < end else { return 0 }
        return isWideSpace(first, bytes[index + 1], bytes[index + 2]) ? 3 : 0
    }

    private static func spaceWidth(_ bytes: ArraySlice<UInt8>, endingAt end: Int, after start: Int) -> Int {
        let last = bytes[end - 1]
        if isASCIISpace(last) { return 1 }
        if last == 0xA0, end - start >= 2, bytes[end - 2] == 0xC2 { return 2 }
        guard last >= 0x80, last < 0xC0, end - start >= 3 else { return 0 }
        return isWideSpace(bytes[end - 3], bytes[end - 2], last) ? 3 : 0
    }

    private static func isASCIISpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    private static func isWideSpace(_ a: UInt8, _ b: UInt8, _ c: UInt8) -> Bool {
        switch (a, b) {
        case (0xE3, 0x80): c == 0x80  // U+3000
        case (0xEF, 0xBB): c == 0xBF  // BOM
        case (0xE2, 0x80): c <= 0x8D || c == 0xAF  // U+2000–200D, U+202F
        case (0xE2, 0x81): c == 0x9F || c == 0xA0  // U+205F, U+2060
        default: false
        }
    }

    /// A control character: C0 (`lines` lets tab and line ends through), DEL, C1.
    static func hasControl(_ bytes: ArraySlice<UInt8>, lines: Bool) -> Bool {
        var previous: UInt8 = 0
        for byte in bytes {
            if byte < 0x20 {
                if !(lines && (byte == 0x09 || byte == 0x0A || byte == 0x0D)) { return true }
            } else if byte == 0x7F || (previous == 0xC2 && byte < 0xA0) {
                return true
            }
            previous = byte
        }
        return false
    }

    /// Characters as PostgreSQL's `varchar(n)` counts them.
    static func characters(_ bytes: ArraySlice<UInt8>) -> Int {
        var count = 0
        for byte in bytes where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    /// True for text that NFKC certainly leaves as it is: ASCII and the common Chinese ideographs and marks.
    static func isPlain(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        let end = bytes.endIndex
        while index < end {
            let byte = bytes[index]
            if byte < 0x80 {
                index += 1
            } else if byte >= 0xE4 && byte <= 0xE9 {  // U+4000–9FFF
                index += 3
            } else if byte == 0xE3, index + 1 < end {
                let next = bytes[index + 1]
                // U+3400–3FFF, or U+3001–3029: between them lie compatibility letters and combining marks.
                guard next >= 0x90 || (next == 0x80 && index + 2 < end && (0x81...0xA9).contains(bytes[index + 2]))
                else { return false }
                index += 3
            } else if byte == 0xF0, index + 1 < end, (0xA0...0xAE).contains(bytes[index + 1]) {  // U+20000–2EFFF
                index += 4
            } else {
                return false
            }
        }
        return true
    }

    /// NFKC of the text.
    static func compatible(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return isPlain(bytes) ? text : text.precomposedStringWithCompatibilityMapping
    }

    /// NFKC in bytes; the same slice where nothing changes.
    static func compatibleBytes(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        isPlain(bytes) ? bytes : ArraySlice(compatible(bytes).utf8)
    }

    /// A label as choices, courses and people are compared: NFKC, trimmed, lower case, 其它 as 其他.
    static func folded(_ bytes: ArraySlice<UInt8>) -> String {
        let text = compatible(trimmed(bytes)).lowercased()
        let trimmedAgain = trimmed(ArraySlice(text.utf8))
        return String(decoding: trimmedAgain, as: UTF8.self).replacing("其它", with: "其他")
    }

    /// Line ends and tabs inside a one-line value as single spaces.
    static func oneLine(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.contains(where: { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for byte in bytes {
            if byte == 0x09 || byte == 0x0A || byte == 0x0D {
                if result.last != 0x20 { result.append(0x20) }
            } else {
                result.append(byte)
            }
        }
        return result[...]
    }

    /// Without the one `'` that keeps a spreadsheet from reading `= + - @` as a formula.
    static func withoutFormulaGuard(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.count >= 2, bytes.first == 0x27 else { return bytes }
        switch bytes[bytes.startIndex + 1] {
        case 0x3D, 0x2B, 0x2D, 0x40: return bytes.dropFirst()
        default: return bytes
        }
    }

    /// `12.0`, as numbers are often written: its whole part, else nil.
    static func withoutZeroFraction(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let point = bytes.firstIndex(of: 0x2E), point > bytes.startIndex, point + 1 < bytes.endIndex,
            bytes[(point + 1)...].allSatisfy({ $0 == 0x30 }), bytes[..<point].allSatisfy(isDigit)
        else { return nil }
        return bytes[..<point]
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}

/// Bytes as a dictionary key: hashed as one number, so that a lookup by a slice copies nothing.
struct ByteKey: Hashable {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }
    init(_ text: String) { bytes = ArraySlice(text.utf8) }

    func hash(into hasher: inout Hasher) {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hasher.combine(hash)
    }
}
