internal import FoundationEssentials

/// Any JSON, for arguments that are handed through.
struct JSONValue: Codable, Sendable {
    private indirect enum Node {
        case null
        case bool(Bool)
        case int(Int)
        case double(Double)
        case string(String)
        case list([JSONValue])
        case object([String: JSONValue])
    }

    private let node: Node

    /// As JSON text; members in the order of their names.
    var bytes: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Decoded from JSON, it can be encoded again.
        return (try? encoder.encode(self)).map { [UInt8]($0) } ?? Array("null".utf8)
    }

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            node = .null
        } else if let bool = try? value.decode(Bool.self) {
            node = .bool(bool)
        } else if let int = try? value.decode(Int.self) {
            node = .int(int)
        } else if let double = try? value.decode(Double.self) {
            node = .double(double)
        } else if let string = try? value.decode(String.self) {
            node = .string(string)
        } else if let list = try? value.decode([JSONValue].self) {
            node = .list(list)
        } else {
            node = .object(try value.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch node {
        case .null: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .int(let int): try value.encode(int)
        case .double(let double): try value.encode(double)
        case .string(let string): try value.encode(string)
        case .list(let list): try value.encode(list)
        case .object(let object): try value.encode(object)
        }
    }
}
