import Observability
import OwnerThread
import TOMLKit

/// What is wrong with a configuration; each line names the key, the line and the mend.
struct ConfError: Error, CustomStringConvertible {
    let problems: [String]

    var description: String { problems.joined(separator: "\n") }
}

/// Where values outside the file come from; real in `Paidan`, made up in tests.
struct ConfSources: Sendable {
    var environment: @Sendable (String) -> String?
    var file: @Sendable (String) throws -> String
}

/// Problems and secrets met while one file is read.
final class ConfNotes: Sendable {
    private struct State {
        var problems: [(line: Int, text: String)] = []
        var secrets: [Secret] = []
    }

    private let state = Lock(State())

    func problem(_ text: String, line: Int) { state.withLock { $0.problems.append((line, text)) } }
    func secret(_ secret: Secret) { state.withLock { $0.secrets.append(secret) } }

    /// In the order of the file.
    var problems: [String] { state.withLock { $0.problems.sorted { $0.line < $1.line }.map(\.text) } }
    var secrets: [Secret] { state.withLock { $0.secrets } }
}

/// One table of jobs.conf while it is read.
///
/// Each getter marks its key as known and answers with the default when the key is absent or wrong; what is wrong
/// is noted. `finish()` notes the keys that nobody asked for.
struct ConfTable {
    let path: [String]
    private let table: TOMLTable?
    private let file: String
    private let lines: ConfLines
    private let sources: ConfSources
    private let notes: ConfNotes
    private var known: Set<String> = []

    init(root: TOMLTable, file: String, lines: ConfLines, sources: ConfSources, notes: ConfNotes) {
        self.init(path: [], table: root, file: file, lines: lines, sources: sources, notes: notes)
    }

    private init(
        path: [String], table: TOMLTable?, file: String, lines: ConfLines, sources: ConfSources, notes: ConfNotes
    ) {
        self.path = path
        self.table = table
        self.file = file
        self.lines = lines
        self.sources = sources
        self.notes = notes
    }

    /// Names of the keys and tables that stand here.
    var names: [String] { table?.keys.sorted() ?? [] }

    func has(_ key: String) -> Bool { table?[key] != nil }

    // MARK: values

    mutating func string(_ key: String, default value: String) -> String { text(key) ?? value }

    /// A string that must be there and not empty.
    mutating func required(_ key: String) -> String {
        guard let found = text(key) else {
            if !has(key) { note(key, "is missing") }
            return ""
        }
        if found.isEmpty { note(key, "is empty") }
        return found
    }

    mutating func optional(_ key: String) -> String? { text(key) }

    /// A string that never shows in a log or error.
    mutating func secret(_ key: String) -> Secret? {
        guard let found = text(key) else { return nil }
        let secret = Secret(found)
        if !found.isEmpty { notes.secret(secret) }
        return secret
    }

    mutating func integer(_ key: String, default value: Int, in range: ClosedRange<Int>) -> Int {
        optionalInteger(key, in: range) ?? value
    }

    mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let found = value(key) else { return nil }
        guard let number = found.int else { return wrong(key, "must be a whole number") }
        guard range.contains(number) else {
            return wrong(key, "must be \(range.lowerBound) to \(range.upperBound), is \(number)")
        }
        return number
    }

    mutating func boolean(_ key: String, default value: Bool) -> Bool {
        guard let found = self.value(key) else { return value }
        guard let flag = found.bool else { return wrong(key, "must be true or false") ?? value }
        return flag
    }

    mutating func duration(_ key: String, default value: Duration, in range: ClosedRange<Duration>) -> Duration {
        guard let text = text(key) else { return value }
        guard let duration = Quantity.duration(text) else {
            return wrong(key, "must be a duration such as 250ms, 15s, 5m, 2h or 90d, is \"\(text)\"") ?? value
        }
        guard range.contains(duration) else {
            return wrong(key, "must be \(range.lowerBound.short) to \(range.upperBound.short), is \(duration.short)")
                ?? value
        }
        return duration
    }

    mutating func size(_ key: String, default value: Int, in range: ClosedRange<Int>) -> Int {
        guard let text = text(key) else { return value }
        guard let bytes = Quantity.size(text) else {
            return wrong(key, "must be a size such as 64KB, 200MB or 1GB, is \"\(text)\"") ?? value
        }
        guard range.contains(bytes) else {
            return wrong(key, "must be \(range.lowerBound) to \(range.upperBound) bytes, is \(bytes)") ?? value
        }
        return bytes
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, default value: Choice) -> Choice
    where Choice.RawValue == String {
        guard let text = text(key) else { return value }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            return wrong(key, "must be one of \(all), is \"\(text)\"") ?? value
        }
        return choice
    }

    /// An array of strings.
    mutating func strings(_ key: String) -> [String]? {
        guard let found = value(key) else { return nil }
        guard let array = found.array else { return wrong(key, "must be a list of strings") }
        var strings: [String] = []
        for element in array {
            guard let text = element.string else { return wrong(key, "must be a list of strings") }
            strings.append(resolved(text, key) ?? "")
        }
        return strings
    }

    /// A table whose values are all strings.
    mutating func dictionary(_ key: String) -> [String: String] {
        var inner = subtable(key)
        var out: [String: String] = [:]
        for name in inner.names { out[name] = inner.string(name, default: "") }
        return out
    }

    // MARK: tables

    /// The table of this name; an empty one if it is absent. Call `finish()` on it.
    mutating func subtable(_ key: String) -> ConfTable {
        var inner: TOMLTable?
        if let found = value(key) {
            inner = found.table
            if inner == nil { note(key, "must be a table") }
        }
        return ConfTable(path: path + [key], table: inner, file: file, lines: lines, sources: sources, notes: notes)
    }

    /// Notes every key that no getter asked for.
    func finish() {
        for key in names where !known.contains(key) {
            let isTable = table?[key]?.table != nil
            note(key, isTable ? "is an unknown table" : "is an unknown key")
        }
    }

    /// Notes a problem of this key that only its reader can see.
    func note(_ key: String, _ problem: String) {
        let full = path + [key]
        let name = full.map { $0.contains(".") ? "\"\($0)\"" : $0 }.joined(separator: ".")
        let line = lines[full]
        notes.problem("\(file):\(line.map { "\($0): " } ?? " ")\(name) \(problem)", line: line ?? 0)
    }

    // MARK: parts

    private mutating func value(_ key: String) -> (any TOMLValueConvertible)? {
        known.insert(key)
        return table?[key]
    }

    private mutating func text(_ key: String) -> String? {
        guard let found = value(key) else { return nil }
        guard let text = found.string else { return wrong(key, "must be a string") }
        return resolved(text, key)
    }

    /// What `env:NAME` or `file:PATH` stands for.
    private func resolved(_ text: String, _ key: String) -> String? {
        if text.hasPrefix("env:") {
            let name = String(text.dropFirst(4))
            return sources.environment(name) ?? wrong(key, "names the environment variable \(name), which is not set")
        }
        if text.hasPrefix("file:") {
            let name = String(text.dropFirst(5))
            do {
                return String(try sources.file(name).trimmingSuffix { $0.isNewline })
            } catch {
                return wrong(key, "names the file \(name), which cannot be read")
            }
        }
        return text
    }

    private func wrong<Value>(_ key: String, _ problem: String) -> Value? {
        note(key, problem)
        return nil
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
