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
        var keys: Set<[String]> = []
        var secrets: [Secret] = []
    }

    private let state = Lock(State())

    /// One problem a key: what follows from the first would only hide it.
    func problem(of key: [String], _ text: String, line: Int) {
        state.withLock { state in
            if state.keys.insert(key).inserted { state.problems.append((line, text)) }
        }
    }

    func secret(_ secret: Secret) { state.withLock { $0.secrets.append(secret) } }

    func hasProblem(of key: [String]) -> Bool { state.withLock { $0.keys.contains(key) } }

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
    /// What `env:NAME` and `file:PATH` stand for, to keep it out of errors.
    private var outside: [String: String] = [:]

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

    /// Takes these keys for known without reading them.
    mutating func pass(_ keys: [String]) { known.formUnion(keys) }

    // MARK: values

    mutating func string(_ key: String, default value: String) -> String { text(key) ?? value }

    /// A string that must be there and not empty.
    mutating func required(_ key: String) -> String {
        guard let found = text(key) else {
            if table != nil, !has(key) { note(key, "is missing") }
            return ""
        }
        if found.isEmpty { note(key, "is empty") }
        return found
    }

    /// A string that `read` can make something of, or that of an environment variable that overrides it; both must be
    /// right. An empty variable counts as none.
    ///
    /// - Returns: nil if something was noted.
    mutating func overridable<Value>(
        _ key: String, default text: String, variable: String, _ read: (String) throws -> Value
    ) -> Value? {
        let written = string(key, default: text)
        guard !notes.hasProblem(of: path + [key]) else { return nil }
        var value: Value?
        do { value = try read(written) } catch { note(key, "\(error)") }
        guard let override = sources.environment(variable), !override.isEmpty else { return value }
        do {
            return try read(override)
        } catch {
            notes.problem(
                of: [variable], "the environment variable \(variable), which overrides \(name(key)): \(error)", line: 0)
            return nil
        }
    }

    mutating func optional(_ key: String) -> String? { text(key) }

    /// A string that must be there and never shows in a log or error.
    mutating func requiredSecret(_ key: String) -> Secret {
        if table != nil, !has(key) { note(key, "is missing") }
        let secret = secret(key) ?? Secret("")
        if secret.isEmpty { note(key, "is empty") }
        return secret
    }

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
        var parsed = found.int
        if let text = found.string, text.isOutside {
            guard let text = resolved(text, key) else { return nil }
            parsed = Int(text)
        }
        guard let number = parsed else { return wrong(key, "must be a whole number") }
        guard range.contains(number) else {
            return wrong(key, "must be \(range.lowerBound) to \(range.upperBound), is \(number)")
        }
        return number
    }

    mutating func boolean(_ key: String, default value: Bool) -> Bool {
        guard let found = self.value(key) else { return value }
        var parsed = found.bool
        if let text = found.string, text.isOutside {
            guard let text = resolved(text, key) else { return value }
            parsed = Bool(text)
        }
        guard let flag = parsed else { return wrong(key, "must be true or false") ?? value }
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
        let line = lines[full]
        var problem = problem
        // What came from the environment or a file is never repeated, whatever key it was meant for.
        if let value = outside[key], !value.isEmpty {
            problem = problem.replacing("\"\(value)\"", with: "something else")
            if value.count >= 4 { problem = problem.replacing(value, with: "…") }
        }
        notes.problem(of: full, "\(file):\(line.map { "\($0): " } ?? " ")\(name(key)) \(problem)", line: line ?? 0)
    }

    // MARK: parts

    /// The key with the tables around it, as TOML writes it.
    private func name(_ key: String) -> String {
        (path + [key]).map { $0.wholeMatch(of: /[A-Za-z0-9_-]+/) == nil ? "\"\($0)\"" : $0 }.joined(separator: ".")
    }

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
    private mutating func resolved(_ text: String, _ key: String) -> String? {
        guard text.isOutside else { return text }
        let value: String
        if text.hasPrefix("env:") {
            let name = String(text.dropFirst(4))
            guard let found = sources.environment(name) else {
                return wrong(key, "names the environment variable \(name), which is not set")
            }
            value = found
        } else {
            let name = String(text.dropFirst(5))
            do {
                value = String(try sources.file(name).trimmingSuffix { $0.isNewline })
            } catch {
                return wrong(key, "names the file \(name), which cannot be read")
            }
        }
        outside[key] = value
        return value
    }

    private func wrong<Value>(_ key: String, _ problem: String) -> Value? {
        note(key, problem)
        return nil
    }
}

extension String {
    /// True for `env:NAME` and `file:PATH`.
    fileprivate var isOutside: Bool { hasPrefix("env:") || hasPrefix("file:") }

    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
