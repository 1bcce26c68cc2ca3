/// One value of a JSON text and where it stands, so that parts can be kept byte for byte.
struct JSONNode: Sendable {
    enum Value: Sendable {
        case null
        case boolean(Bool)
        /// As written: ids over 2^53 and exact decimals survive.
        case number(String)
        case string(String)
        case array([JSONNode])
        case object([(name: String, node: JSONNode)])
    }

    let value: Value
    /// Bytes of the text that hold this value.
    let range: Range<Int>
}

/// A text that is no JSON.
struct JSONSyntaxError: Error {
    /// Bytes before the place.
    let offset: Int
    let problem: String
}

/// Reads one JSON text (RFC 8259): strict, UTF-8, at most 128 levels deep.
struct JSONParser {
    private let bytes: ArraySlice<UInt8>
    private var at: Int
    private static let deepest = 128

    static func parse(_ bytes: ArraySlice<UInt8>) throws(JSONSyntaxError) -> JSONNode {
        var parser = JSONParser(bytes)
        let node = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.at == bytes.endIndex else { throw parser.error("text after the value") }
        return node
    }

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        at = bytes.startIndex
    }

    private func error(_ problem: String) -> JSONSyntaxError {
        JSONSyntaxError(offset: at - bytes.startIndex, problem: problem)
    }

    private var next: UInt8? { at < bytes.endIndex ? bytes[at] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONNode {
        guard depth < Self.deepest else { throw error("more than \(Self.deepest) levels deep") }
        skipSpace()
        let start = at
        let value: JSONNode.Value
        switch next {
        case UInt8(ascii: "{"): value = try object(depth)
        case UInt8(ascii: "["): value = try array(depth)
        case UInt8(ascii: "\""): value = .string(try string())
        case UInt8(ascii: "t"): value = try word("true", .boolean(true))
        case UInt8(ascii: "f"): value = try word("false", .boolean(false))
        case UInt8(ascii: "n"): value = try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
            value = try number()
        case nil: throw error("unexpected end")
        default: throw error("unexpected character")
        }
        return JSONNode(value: value, range: start..<at)
    }

    private mutating func word(_ word: StaticString, _ value: JSONNode.Value) throws(JSONSyntaxError) -> JSONNode.Value
    {
        let expected = Array("\(word)".utf8)
        guard bytes[at...].starts(with: expected) else { throw error("unexpected word") }
        at += expected.count
        return value
    }

    private mutating func object(_ depth: Int) throws(JSONSyntaxError) -> JSONNode.Value {
        at += 1
        var members: [(name: String, node: JSONNode)] = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            at += 1
            return .object([])
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("expected a name in quotes") }
            let name = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw error("expected a colon") }
            at += 1
            members.append((name, try value(depth: depth + 1)))
            skipSpace()
            switch next {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "}"):
                at += 1
                return .object(members)
            default: throw error("expected a comma or }")
            }
        }
    }

    private mutating func array(_ depth: Int) throws(JSONSyntaxError) -> JSONNode.Value {
        at += 1
        var elements: [JSONNode] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            at += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            switch next {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "]"):
                at += 1
                return .array(elements)
            default: throw error("expected a comma or ]")
            }
        }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONNode.Value {
        let start = at
        if next == UInt8(ascii: "-") { at += 1 }
        if next == UInt8(ascii: "0") { at += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            at += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        return .number(String(decoding: bytes[start..<at], as: UTF8.self))
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = at
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { at += 1 }
        guard at > start else { throw error("expected a digit") }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        at += 1
        let start = at
        // The common case has no escape: one copy.
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            guard byte >= 0x20 else { throw error("a control character in a string") }
            at += 1
        }
        guard let stop = next else { throw error("a string without end") }
        if stop == UInt8(ascii: "\"") {
            at += 1
            return try text(bytes[start..<(at - 1)])
        }
        var out = Array(bytes[start..<at])
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw error("a control character in a string") }
            at += 1
            if byte == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(byte) }
        }
        guard next != nil else { throw error("a string without end") }
        at += 1
        return try text(out[...])
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw error("a string that is not UTF-8") }
        return text
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = next else { throw error("a string without end") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"): out.append(contentsOf: String(try unicode()).utf8)
        default: throw error("an unknown escape")
        }
    }

    private mutating func unicode() throws(JSONSyntaxError) -> Unicode.Scalar {
        let high = try hex4()
        if let scalar = Unicode.Scalar(high) { return scalar }
        guard (0xD800...0xDBFF).contains(high), next == UInt8(ascii: "\\") else { throw error("half a surrogate pair") }
        at += 1
        guard next == UInt8(ascii: "u") else { throw error("half a surrogate pair") }
        at += 1
        let low = try hex4()
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + ((UInt32(high) - 0xD800) << 10) + (UInt32(low) - 0xDC00))
        else { throw error("half a surrogate pair") }
        return scalar
    }

    private mutating func hex4() throws(JSONSyntaxError) -> UInt16 {
        guard at + 4 <= bytes.endIndex,
            let code = UInt16(String(decoding: bytes[at..<(at + 4)], as: UTF8.self), radix: 16), bytes[at] != 0x2B
        else { throw error("expected four hexadecimal digits") }
        at += 4
        return code
    }
}
