/// One value of a statement, in the form in which it is sent.
public enum Bind: Sendable, Hashable {
    case null
    /// The value's text, in UTF-8. Its type is the one the server finds for the parameter.
    case text([UInt8])
    /// A `bytea`.
    case binary([UInt8])

    var isBinary: Bool {
        if case .binary = self { true } else { false }
    }

    /// An array in text form, of elements that need no quotes.
    static func array<T>(of values: [T], _ text: (T) -> String) -> Bind {
        var out: [UInt8] = [UInt8(ascii: "{")]
        out.reserveCapacity(values.count * 8 + 2)
        for (index, value) in values.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out += text(value).utf8
        }
        out.append(UInt8(ascii: "}"))
        return .text(out)
    }

    /// An array in text form; each element is quoted, `nil` is NULL.
    ///
    /// Rules: PostgreSQL manual 8.15.6, "Array Input and Output Syntax".
    static func array<T: Sequence<UInt8>>(ofTexts values: some Sequence<T?>) -> Bind {
        var out: [UInt8] = [UInt8(ascii: "{")]
        var first = true
        for value in values {
            if !first { out.append(UInt8(ascii: ",")) }
            first = false
            guard let value else {
                out += "NULL".utf8
                continue
            }
            out.append(UInt8(ascii: "\""))
            for byte in value {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
                out.append(byte)
            }
            out.append(UInt8(ascii: "\""))
        }
        out.append(UInt8(ascii: "}"))
        return .text(out)
    }
}

/// The values of one statement as libpq takes them: one buffer, with the places of the values in it.
struct EncodedBinds {
    static let byteaOID: UInt32 = 17
    /// The protocol counts parameters in 16 bits.
    static let limit = 65535

    private var buffer: [UInt8] = []
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private(set) var types: [UInt32] = []

    /// - Throws: ``PostgresError`` with code `binding` if a text holds a zero byte, which would end it there.
    init(_ binds: [Bind]) throws(PostgresError) {
        guard binds.count <= Self.limit else {
            throw PostgresError(
                code: .binding,
                message: "\(binds.count) values in one statement; at most \(Self.limit) are possible, use arrays")
        }
        for (index, bind) in binds.enumerated() {
            offsets.append(bind == .null ? nil : buffer.count)
            formats.append(bind.isBinary ? 1 : 0)
            types.append(bind.isBinary ? Self.byteaOID : 0)
            switch bind {
            case .null:
                lengths.append(0)
            case .text(let text):
                guard !text.contains(0) else {
                    throw PostgresError(
                        code: .binding,
                        message: "value $\(index + 1) is a text with a zero byte, which PostgreSQL cannot store")
                }
                lengths.append(Int32(clamping: text.count))
                buffer += text
                buffer.append(0)
            case .binary(let bytes):
                lengths.append(Int32(clamping: bytes.count))
                buffer += bytes
                // So that the pointer to an empty last value lies inside the buffer.
                buffer.append(0)
            }
        }
    }

    var count: Int32 { Int32(offsets.count) }

    func withPointers<R>(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        unsafe buffer.withUnsafeBytes { bytes in
            let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = unsafe offsets.map { offset -> UnsafePointer<CChar>? in
                guard let offset, let base = unsafe base else { return nil }
                return unsafe base + offset
            }
            return unsafe values.withUnsafeBufferPointer { values in
                unsafe lengths.withUnsafeBufferPointer { lengths in
                    unsafe formats.withUnsafeBufferPointer { formats in
                        unsafe body(values.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}
