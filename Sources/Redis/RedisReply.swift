/// One reply of the server (RESP2).
public enum RedisReply: Sendable, Equatable {
    case null
    case integer(Int64)
    case bytes([UInt8])
    case status(String)
    case error(String)
    case array([RedisReply])

    /// Text of bytes or of a status, invalid UTF-8 repaired; `nil` for the rest.
    public var string: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        case .null, .integer, .error, .array: nil
        }
    }

    /// An integer, or the integer that bytes or a status spell; `nil` for the rest.
    public var int: Int? {
        if case .integer(let number) = self { return Int(number) }
        return string.flatMap { Int($0) }
    }

    public var array: [RedisReply]? {
        if case .array(let replies) = self { return replies }
        return nil
    }
}
