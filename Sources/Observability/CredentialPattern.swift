/// What a credential looks like in text, known or not.
enum CredentialPattern {
    /// - Returns: where the part to hide begins and ends, if a credential or its name starts at `index`.
    static func match(_ text: [UInt8], at index: Int) -> (Int, Int)? {
        let found =
            switch text[index] {
            case 0x77: prefixed(text, at: index, "whsec_", isBase64, atLeast: 8)
            case 0x53: prefixed(text, at: index, "SEC", isHex, atLeast: 64)
            case 0x3A: userInfo(text, at: index)
            default: (Int, Int)?.none
            }
        return found ?? (startsWord(text, index) ? named(text, at: index) : nil)
    }

    private static func prefixed(
        _ text: [UInt8], at index: Int, _ prefix: String, _ isPart: (UInt8) -> Bool, atLeast count: Int
    ) -> (Int, Int)? {
        guard text[index...].starts(with: prefix.utf8) else { return nil }
        let start = index + prefix.utf8.count
        let end = text[start...].firstIndex { !isPart($0) } ?? text.count
        return end - start >= count ? (index, end) : nil
    }

    /// `://user:password@`
    private static func userInfo(_ text: [UInt8], at index: Int) -> (Int, Int)? {
        guard text[index...].starts(with: "://".utf8) else { return nil }
        let start = index + 3
        guard let end = text[start...].firstIndex(where: { "/?#@ \"'<>\\\n\r\t".utf8.contains($0) }), text[end] == 0x40,
            end > start
        else { return nil }
        return (start, end)
    }

    /// `name=value`, `name: value`, `"name":"value"`.
    private static func named(_ text: [UInt8], at index: Int) -> (Int, Int)? {
        let end = text[index...].firstIndex { !isNameByte($0) } ?? text.count
        guard (3...24).contains(end - index), end < text.count else { return nil }
        let name = String(decoding: text[index..<end], as: UTF8.self).lowercased()
        guard Redactor.names.contains(name) else { return nil }
        var start = end
        let quoted = text[start] == 0x22
        if quoted { start += 1 }
        guard start < text.count else { return nil }
        let isHeader = name.contains("-") || name == "authorization" || name == "cookie"
        switch text[start] {
        case 0x3D where !quoted: start += 1
        case 0x3A where quoted || isHeader:
            start += 1
            while start < text.count, text[start] == 0x20 { start += 1 }
        default: return nil
        }
        guard start < text.count else { return nil }
        if text[start] == 0x22 { return quotedValue(text, from: start + 1) }
        let stops = isHeader ? "\r\n\"" : "&\"'<>,;)}] \r\n\t"
        let stop = text[start...].firstIndex { stops.utf8.contains($0) } ?? text.count
        return stop > start ? (start, stop) : nil
    }

    private static func quotedValue(_ text: [UInt8], from start: Int) -> (Int, Int)? {
        var index = start
        while index < text.count, text[index] != 0x22 { index += text[index] == 0x5C ? 2 : 1 }
        let end = min(index, text.count)
        return end > start ? (start, end) : nil
    }

    private static func startsWord(_ text: [UInt8], _ index: Int) -> Bool {
        isNameByte(text[index]) && (index == 0 || !isNameByte(text[index - 1]))
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        isNameByte(byte) || byte == 0x2B || byte == 0x2F || byte == 0x3D
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x66: true
        default: false
        }
    }
}
