/// Writes one JSON text, with raw parts spliced in as they are.
struct JSONWriter: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Whether a comma is due before the next element, per open object or array.
    private var dueComma: [Bool] = [false]

    static func object(_ body: (inout JSONWriter) throws -> Void) rethrows -> [UInt8] {
        var writer = JSONWriter()
        try writer.object(body)
        return writer.bytes
    }

    mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        try nested("{", "}", body)
    }

    mutating func object(_ name: String, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try object(body)
    }

    mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        try nested("[", "]", body)
    }

    mutating func array(_ name: String, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try array(body)
    }

    mutating func field(_ name: String, _ value: String?) {
        key(name)
        element(value)
    }

    mutating func field(_ name: String, _ value: Int?) {
        key(name)
        raw(value.map { Array(String($0).utf8) } ?? JSONWriter.null)
    }

    mutating func field(_ name: String, _ value: Int64?) { field(name, value.map { Int($0) }) }

    mutating func field(_ name: String, _ value: Double?) {
        key(name)
        raw(value.map { Array(($0.isFinite ? "\($0)" : "null").utf8) } ?? JSONWriter.null)
    }

    mutating func field(_ name: String, _ value: Bool?) {
        key(name)
        raw(value.map { Array(($0 ? "true" : "false").utf8) } ?? JSONWriter.null)
    }

    /// An id: answered as a string.
    mutating func field(_ name: String, id: Int64?) { field(name, id.map { String($0) }) }
    mutating func field(_ name: String, id: Int?) { field(name, id.map { String($0) }) }

    /// `json` must be one JSON value.
    mutating func field(_ name: String, raw json: [UInt8]?) {
        key(name)
        raw(json ?? JSONWriter.null)
    }

    mutating func element(_ value: String?) {
        guard let value else { return raw(JSONWriter.null) }
        comma()
        append(string: value)
    }

    mutating func element(raw json: [UInt8]) { raw(json) }

    private static let null = Array("null".utf8)

    private mutating func raw(_ json: [UInt8]) {
        comma()
        bytes += json
    }

    private mutating func key(_ name: String) {
        comma()
        append(string: name)
        bytes.append(UInt8(ascii: ":"))
        dueComma[dueComma.count - 1] = false
    }

    private mutating func comma() {
        if dueComma[dueComma.count - 1] { bytes.append(UInt8(ascii: ",")) }
        dueComma[dueComma.count - 1] = true
    }

    private mutating func nested(
        _ open: Character, _ close: Character, _ body: (inout JSONWriter) throws -> Void
    ) rethrows {
        comma()
        bytes += open.utf8
        dueComma.append(false)
        try body(&self)
        dueComma.removeLast()
        bytes += close.utf8
    }

    private mutating func append(string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += Array(("\\u00" + (digits.count == 1 ? "0" : "") + digits).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
