/// Strict UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing over U+10FFFF.
enum UTF8Check {
    /// Bytes up to the last whole character, or nil if a byte cannot be right whatever follows.
    @unsafe static func validPrefix(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return 0 }
        let count = bytes.count
        var i = 0
        while i < count {
            let first = unsafe base.load(fromByteOffset: i, as: UInt8.self)
            if first < 0x80 {
                i += 1
                while i + 8 <= count, unsafe base.loadUnaligned(fromByteOffset: i, as: UInt64.self) & highBits == 0 {
                    i += 8
                }
                continue
            }
            let length: Int
            var second: ClosedRange<UInt8> = 0x80...0xBF
            switch first {
            case 0xC2...0xDF: length = 2
            case 0xE1...0xEC, 0xEE...0xEF: length = 3
            case 0xE0: (length, second) = (3, 0xA0...0xBF)
            case 0xED: (length, second) = (3, 0x80...0x9F)
            case 0xF1...0xF3: length = 4
            case 0xF0: (length, second) = (4, 0x90...0xBF)
            case 0xF4: (length, second) = (4, 0x80...0x8F)
            default: return nil
            }
            if i + 1 < count, unsafe !second.contains(base.load(fromByteOffset: i + 1, as: UInt8.self)) { return nil }
            var k = 2
            while k < length, i + k < count {
                if unsafe base.load(fromByteOffset: i + k, as: UInt8.self) & 0xC0 != 0x80 { return nil }
                k += 1
            }
            if i + length > count { return i }
            i += length
        }
        return count
    }

    private static let highBits: UInt64 = 0x8080_8080_8080_8080
}
