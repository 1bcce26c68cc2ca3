@testable import API

/// A JSON value for looking into; what is not there is `missing`.
struct JSON: Sendable {
    private let node: JSONNode?
    private let text: [UInt8]

    static let missing = JSON(nil, [])

    init(_ text: [UInt8]) {
        self.text = text
        node = try? JSONParser.parse(text[...])
    }

    private init(_ node: JSONNode?, _ text: [UInt8]) {
        self.node = node
        self.text = text
    }

    /// Whether there is a value, null included.
    var exists: Bool { node != nil }

    var isNull: Bool { if case .null? = node?.value { true } else { false } }

    var string: String? { if case .string(let text)? = node?.value { text } else { nil } }

    var int: Int? { if case .number(let text)? = node?.value { Int(text) } else { nil } }

    var bool: Bool? { if case .boolean(let flag)? = node?.value { flag } else { nil } }

    var items: [JSON] {
        if case .array(let nodes)? = node?.value { nodes.map { JSON($0, text) } } else { [] }
    }

    var members: [(name: String, value: JSON)] {
        if case .object(let members)? = node?.value { members.map { ($0.name, JSON($0.node, text)) } } else { [] }
    }

    /// As it was written.
    var raw: String? { node.map { String(decoding: text[$0.range], as: UTF8.self) } }

    subscript(name: String) -> JSON { members.last { $0.name == name }?.value ?? .missing }

    subscript(index: Int) -> JSON {
        let items = items
        return items.indices.contains(index) ? items[index] : .missing
    }
}
