/// A route's path such as `/v1/jobs/{id}/retry`.
struct PathPattern: Sendable, CustomStringConvertible {
    private enum Segment: Sendable {
        case literal(String)
        case parameter(String)
    }

    let description: String
    private let segments: [Segment]

    init(_ text: String) {
        description = text
        segments = text.split(separator: "/", omittingEmptySubsequences: true).map {
            $0.hasPrefix("{") ? .parameter(String($0.dropFirst().dropLast())) : .literal(String($0))
        }
    }

    /// Names in braces, in order.
    var parameters: [String] {
        segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
    }

    /// More literal segments win: `/v1/ranks/cycle` before `/v1/ranks/{id}`.
    var weight: Int { segments.reduce(0) { if case .literal = $1 { $0 + 1 } else { $0 } } }

    /// - Returns: the values of the parameters, percent-decoded; nil if `path` is another one.
    func match(_ path: [Substring]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var values: [String: String] = [:]
        for (part, segment) in zip(path, segments) {
            switch segment {
            case .literal(let text):
                guard part == text else { return nil }
            case .parameter(let name):
                guard let decoded = part.removingPercentEncoding(), !decoded.isEmpty else { return nil }
                values[name] = decoded
            }
        }
        return values
    }
}

/// The path of a request, taken only as written in its one normal form.
///
/// What is permitted must be what is routed, so a path with an empty or dot segment, a trailing slash, or a
/// percent-encoded unreserved or slash character is no path of ours.
enum NormalPath {
    /// - Returns: the segments; nil if the path is not in normal form.
    static func segments(_ path: Substring) -> [Substring]? {
        guard path.first == "/" else { return nil }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for part in parts where part.isEmpty || part == "." || part == ".." || hidesPlainCharacter(part) { return nil }
        return parts
    }

    private static func hidesPlainCharacter(_ part: Substring) -> Bool {
        var rest = part.utf8[...]
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            let digits = rest[rest.index(after: percent)...].prefix(2)
            guard digits.count == 2, let text = String(digits), let byte = UInt8(text, radix: 16), text.first != "+"
            else { return true }
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: "\\"), 0..<0x20, 0x7F:
                return true
            default: break
            }
            rest = rest[digits.endIndex...]
        }
        return false
    }
}

extension StringProtocol {
    /// nil if an escape is broken or the bytes are no UTF-8.
    func removingPercentEncoding() -> String? {
        guard utf8.contains(UInt8(ascii: "%")) else { return String(self) }
        var out: [UInt8] = []
        var bytes = utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let high = bytes.next(), let low = bytes.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16), high != UInt8(ascii: "+")
            else { return nil }
            out.append(value)
        }
        return String(validating: out, as: UTF8.self)
    }
}
