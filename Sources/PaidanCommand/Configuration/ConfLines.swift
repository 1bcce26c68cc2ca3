/// On which line of a TOML text a table or key stands.
///
/// TOMLKit keeps no positions, so this scans for `[header]`, `[[header]]` and `key =`. A key inside a multi-line
/// string could be taken for one; then an error names a wrong line, nothing worse.
struct ConfLines {
    private var lines: [[String]: Int] = [:]

    init(_ text: String) {
        var table: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
            if line.hasPrefix("[") {
                table = Self.path(line.drop { $0 == "[" }, until: "]")
                note(table, index + 1)
            } else if !line.hasPrefix("#") {
                let key = Self.path(line, until: "=")
                guard !key.isEmpty else { continue }
                note(table + key, index + 1)
                noteInlineKeys(of: table + key, in: line, index + 1)
            }
        }
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
        for length in 1...max(1, path.count) where length <= path.count {
            let prefix = Array(path.prefix(length))
            if lines[prefix] == nil { lines[prefix] = line }
        }
    }

    /// Keys of `name = { key = … }` on the same line.
    private mutating func noteInlineKeys(of path: [String], in line: Substring, _ number: Int) {
        guard let brace = line.firstIndex(of: "{") else { return }
        for part in line[line.index(after: brace)...].split(separator: ",") {
            let key = Self.path(part.drop { $0 == " " }, until: "=")
            if !key.isEmpty { note(path + key, number) }
        }
    }

    /// `a."b.c".d` up to `end` as its parts; empty if `end` does not come.
    private static func path(_ text: Substring, until end: Character) -> [String] {
        var parts: [String] = []
        var part = ""
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil } else { part.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == end {
                parts.append(part)
                return parts.contains("") ? [] : parts
            } else if character == "." {
                parts.append(part)
                part = ""
            } else if character != " " && character != "\t" {
                part.append(character)
            }
        }
        return []
    }
}
