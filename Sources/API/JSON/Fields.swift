internal import FoundationEssentials

/// The members of a request's JSON object while they are read; every wrong one is collected, with its pointer.
struct Fields {
    private let bytes: ArraySlice<UInt8>
    private let members: [(name: String, node: JSONNode)]
    private let base: String
    private var known: [String] = []
    private(set) var errors: [FieldError] = []

    /// - Parameter base: JSON pointer of the object itself; empty for the whole body.
    /// - Throws: `Problem` 422 if it is no object.
    init(_ node: JSONNode, of bytes: ArraySlice<UInt8>, base: String) throws {
        guard case .object(let members) = node.value else {
            throw Problem.invalid([FieldError(base, "type", "must be an object")])
        }
        self.bytes = bytes
        self.members = members
        self.base = base
    }

    func has(_ name: String) -> Bool { node(name) != nil }

    mutating func string(_ name: String) -> String? {
        read(name, "must be a string") { if case .string(let text) = $0.value { text } else { nil } }
    }

    mutating func required(_ name: String) -> String {
        guard let text = string(name) else {
            if node(name) == nil || isNull(name) { note(name, "required", "is missing") }
            return ""
        }
        if text.isEmpty { note(name, "required", "is empty") }
        return text
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        let value: Int? = read(name, "must be a whole number") {
            if case .number(let text) = $0.value { Int(text) } else { nil }
        }
        guard let value else { return nil }
        guard range.contains(value) else {
            note(name, "range", "must be \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    mutating func number(_ name: String, in range: ClosedRange<Double>) -> Double? {
        let value: Double? = read(name, "must be a number") {
            if case .number(let text) = $0.value { Double(text) } else { nil }
        }
        guard let value else { return nil }
        guard range.contains(value) else {
            note(name, "range", "must be \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// Ids are taken as strings or numbers.
    mutating func id(_ name: String) -> Int64? {
        read(name, "must be an id") {
            switch $0.value {
            case .number(let text), .string(let text):
                text.first == "+" ? nil : Int64(text).flatMap { (1...Call.largestID).contains($0) ? $0 : nil }
            default: nil
            }
        }
    }

    mutating func boolean(_ name: String) -> Bool? {
        read(name, "must be true or false") { if case .boolean(let flag) = $0.value { flag } else { nil } }
    }

    /// An RFC 3339 time with offset, as milliseconds since 1970.
    mutating func time(_ name: String) -> Int64? {
        read(name, "must be a time such as 2026-01-31T09:00:00+08:00") {
            guard case .string(let text) = $0.value else { return nil }
            return RFC3339.milliseconds(text)
        }
    }

    /// A JSON object kept byte for byte.
    mutating func rawObject(_ name: String) -> [UInt8]? {
        let bytes = bytes
        return read(name, "must be an object") {
            if case .object = $0.value { Array(bytes[$0.range]) } else { nil }
        }
    }

    /// The elements of an array, with their pointers.
    mutating func array(_ name: String) -> [(pointer: String, node: JSONNode)]? {
        let pointer = pointer(name)
        let nodes: [JSONNode]? = read(name, "must be a list") {
            if case .array(let nodes) = $0.value { nodes } else { nil }
        }
        return nodes?.enumerated().map { ("\(pointer)/\($0.offset)", $0.element) }
    }

    mutating func note(_ name: String, _ code: String, _ message: String) {
        errors.append(FieldError(pointer(name), code, message))
    }

    /// Notes unknown members.
    mutating func close() {
        for member in members where !known.contains(member.name) { note(member.name, "unknown", "is no known field") }
    }

    /// - Throws: `Problem` 422 with everything that was wrong.
    mutating func finish() throws {
        close()
        guard errors.isEmpty else { throw Problem.invalid(errors) }
    }

    func isNull(_ name: String) -> Bool {
        if case .null? = node(name)?.value { true } else { false }
    }

    private func pointer(_ name: String) -> String {
        base + "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// Of a name given twice the last counts, as most parsers have it.
    private func node(_ name: String) -> JSONNode? { members.last { $0.name == name }?.node }

    /// Absent and null are both nil; only a wrong value is noted.
    private mutating func read<Value>(_ name: String, _ problem: String, _ take: (JSONNode) -> Value?) -> Value? {
        if !known.contains(name) { known.append(name) }
        guard let node = node(name) else { return nil }
        if case .null = node.value { return nil }
        guard let value = take(node) else {
            note(name, "type", problem)
            return nil
        }
        return value
    }
}

/// RFC 3339 times.
enum RFC3339 {
    /// Milliseconds since 1970; nil unless `text` is a date, a time and an offset.
    static func milliseconds(_ text: String) -> Int64? {
        // The parser rolls 02-29 of a common year over to 03-01.
        guard Day.isValid(String(text.prefix(10))) else { return nil }
        let plain = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        // T and Z may be small letters (RFC 3339 §5.6).
        let text = text.uppercased()
        guard let date = (try? plain.parse(text)) ?? (try? fractional.parse(text)) else { return nil }
        return Int64((date.timeIntervalSince1970 * 1000).rounded())
    }
}
