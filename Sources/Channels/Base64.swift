internal import FoundationEssentials

enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// Lines of 76 characters, each ended by CRLF (RFC 2045 §6.8).
    static func lines(_ bytes: [UInt8]) -> String {
        var result = ""
        for start in stride(from: 0, to: bytes.count, by: 57) {
            result += encode(Array(bytes[start..<min(start + 57, bytes.count)])) + "\r\n"
        }
        return result
    }
}
