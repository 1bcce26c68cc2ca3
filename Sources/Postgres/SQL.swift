/// One SQL statement with its values; text and values cannot mix.
///
/// `"SELECT name FROM seat WHERE id = \(id)"` has the text `SELECT name FROM seat WHERE id = $1` and one bind.
/// Give an array parameter its type in the text: `id = ANY(\(ids)::bigint[])`.
public struct SQL: Sendable, Hashable {
    /// The text between the binds, one piece more than there are binds.
    private let pieces: [String]
    public let binds: [Bind]
    /// The statement with `$1`, `$2` … in the places of the values.
    public let text: String

    private init(pieces: [String], binds: [Bind]) {
        self.pieces = pieces
        self.binds = binds
        var text = pieces[0]
        for index in binds.indices { text += "$\(index + 1)\(pieces[index + 1])" }
        self.text = text
    }

    /// Puts fragments together with text between them, as in `SQL.join(conditions, " AND ")`.
    public static func join(_ fragments: [SQL], _ separator: String) -> SQL {
        var all = StringInterpolation(literalCapacity: 0, interpolationCount: 0)
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { all.appendLiteral(separator) }
            all.appendInterpolation(fragment)
        }
        return SQL(stringInterpolation: all)
    }
}

extension SQL: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self.init(pieces: [text], binds: []) }

    public init(stringInterpolation all: StringInterpolation) { self.init(pieces: all.pieces, binds: all.binds) }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var pieces = [""]
        fileprivate var binds: [Bind] = []

        public init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(interpolationCount + 1)
            binds.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ text: String) { pieces[pieces.count - 1] += text }

        /// Text that is part of the statement. Never give it anything a user typed.
        public mutating func appendInterpolation(raw text: String) { appendLiteral(text) }

        /// A fragment with values of its own, which are numbered on from here.
        public mutating func appendInterpolation(_ fragment: SQL) {
            appendLiteral(fragment.pieces[0])
            for (bind, piece) in zip(fragment.binds, fragment.pieces.dropFirst()) {
                append(bind)
                appendLiteral(piece)
            }
        }

        private mutating func append(_ bind: Bind) {
            binds.append(bind)
            pieces.append("")
        }

        private mutating func append(text: String?) { append(text.map { Bind.text(Array($0.utf8)) } ?? .null) }

        public mutating func appendInterpolation(_ value: Int) { append(text: String(value)) }
        public mutating func appendInterpolation(_ value: Int?) { append(text: value.map { String($0) }) }
        public mutating func appendInterpolation(_ value: Int64) { append(text: String(value)) }
        public mutating func appendInterpolation(_ value: Int64?) { append(text: value.map { String($0) }) }
        public mutating func appendInterpolation(_ value: String) { append(text: value) }
        public mutating func appendInterpolation(_ value: String?) { append(text: value) }
        public mutating func appendInterpolation(_ value: Bool) { append(text: value ? "t" : "f") }
        public mutating func appendInterpolation(_ value: Bool?) { append(text: value.map { $0 ? "t" : "f" }) }
        public mutating func appendInterpolation(_ value: Double) { append(text: String(value)) }
        public mutating func appendInterpolation(_ value: Double?) { append(text: value.map { String($0) }) }

        public mutating func appendInterpolation(_ values: [Int]) { append(.array(of: values) { "\($0)" }) }
        public mutating func appendInterpolation(_ values: [Int?]) {
            append(.array(of: values) { $0.map { "\($0)" } ?? "NULL" })
        }
        public mutating func appendInterpolation(_ values: [Int64]) { append(.array(of: values) { "\($0)" }) }
        public mutating func appendInterpolation(_ values: [Double]) { append(.array(of: values) { "\($0)" }) }
        public mutating func appendInterpolation(_ values: [Bool]) { append(.array(of: values) { $0 ? "t" : "f" }) }
        public mutating func appendInterpolation(_ values: [String]) {
            append(.array(ofTexts: values.lazy.map { .some($0.utf8) }))
        }
        public mutating func appendInterpolation(_ values: [String?]) {
            append(.array(ofTexts: values.lazy.map { $0?.utf8 }))
        }

        /// A `bytea`, sent in binary.
        public mutating func appendInterpolation(bytes value: [UInt8]?) {
            append(value.map { Bind.binary($0) } ?? .null)
        }
        /// A JSON text, in UTF-8, for a parameter of type `json` or `jsonb`.
        public mutating func appendInterpolation(json value: [UInt8]?) { append(value.map { Bind.text($0) } ?? .null) }
        /// A text, in UTF-8.
        public mutating func appendInterpolation(utf8 value: [UInt8]?) { append(value.map { Bind.text($0) } ?? .null) }
        /// An array of texts or JSON texts, in UTF-8.
        public mutating func appendInterpolation(utf8 values: [[UInt8]?]) { append(.array(ofTexts: values)) }
    }
}
