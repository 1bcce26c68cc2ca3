/// On which line of a TOML text a table or key stands.
///
/// TOMLKit keeps no positions, so the text is read once more, only as far as this needs. It must be one that TOMLKit
/// took; of another, a line may be wrong and nothing worse.
struct ConfLines {
    private var lines: [[String]: Int] = [:]

    init(_ text: String) {
        var scan = ConfScan(text)
        while let (path, line) = scan.next() { note(path, line) }
    }

    /// Line (from 1) of the table or key, else of the nearest table around it.
    subscript(path: [String]) -> Int? {
        var path = path
        while !path.isEmpty {
            if let line = lines[path] { return line }
            path.removeLast()
        }
        return nil
    }

    private mutating func note(_ path: [String], _ line: Int) {
        // `[a.b]` makes a table `a` too: its first mention is its line.
        for length in path.indices {
            let prefix = Array(path[...length])
            if lines[prefix] == nil { lines[prefix] = line }
        }
    }
}

/// The headers and keys of a TOML text, one after the other, those of inline tables included.
private struct ConfScan {
    private let bytes: [UInt8]
    private var at = 0
    private var line = 1
    private var table: [String] = []
    /// What is open around the value that comes next: inline tables (with their path) and arrays.
    private var open: [(path: [String], isTable: Bool)] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    /// - Returns: nil at the end.
    mutating func next() -> (path: [String], line: Int)? {
        while let byte = skipBlanks() {
            if let inner = open.last {
                switch byte {
                case UInt8(ascii: ","): at += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    at += 1
                    open.removeLast()
                default:
                    if inner.isTable { return key(below: inner.path) }
                    value(of: inner.path)
                }
            } else if byte == UInt8(ascii: "[") {
                let start = line
                while peek == UInt8(ascii: "[") { at += 1 }
                table = dotted()
                while let byte = peek, byte == UInt8(ascii: "]") || byte == UInt8(ascii: " ") { at += 1 }
                return (table, start)
            } else {
                return key(below: table)
            }
        }
        return nil
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    /// To the next byte that is neither white space nor a comment.
    private mutating func skipBlanks() -> UInt8? {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                at += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): at += 1
            case UInt8(ascii: "#"): while let byte = peek, byte != UInt8(ascii: "\n") { at += 1 }
            default: return byte
            }
        }
        return nil
    }

    /// `key =` with the beginning of its value.
    private mutating func key(below path: [String]) -> (path: [String], line: Int) {
        let start = line
        let path = path + dotted()
        while let byte = peek, byte != UInt8(ascii: "="), byte != UInt8(ascii: "\n") { at += 1 }
        if peek == UInt8(ascii: "=") { at += 1 }
        value(of: path)
        return (path, start)
    }

    /// A whole scalar, or the opening of an array or inline table.
    private mutating func value(of path: [String]) {
        switch skipBlanks() {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            open.append((path, peek == UInt8(ascii: "{")))
            at += 1
        case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = quoted()
        default:
            let start = at
            while let byte = peek, !",]}#\n".utf8.contains(byte) { at += 1 }
            // Whatever it is, the scan goes on.
            if at == start, open.isEmpty { at += 1 }
        }
    }

    /// `a."b.c".d` as its parts.
    private mutating func dotted() -> [String] {
        var parts: [String] = []
        while let byte = peek {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                parts.append(quoted())
            } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: ".") {
                at += 1
            } else {
                let start = at
                while let byte = peek, !".=] \t\r\n".utf8.contains(byte) { at += 1 }
                if at == start { break }
                parts.append(String(decoding: bytes[start..<at], as: UTF8.self))
            }
        }
        return parts
    }

    /// A string in one or three quotes.
    private mutating func quoted() -> String {
        let quote = bytes[at]
        let isLong = bytes[at...].starts(with: [quote, quote, quote])
        at += isLong ? 3 : 1
        var text: [UInt8] = []
        while let byte = peek {
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                at += 1
            } else if byte == quote, !isLong || bytes[at...].starts(with: [quote, quote, quote]) {
                at += isLong ? 3 : 1
                // One or two quotes may stand right before the closing three.
                while isLong, peek == quote { at += 1 }
                break
            }
            if let byte = peek {
                if byte == UInt8(ascii: "\n") { line += 1 }
                text.append(byte)
                at += 1
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
