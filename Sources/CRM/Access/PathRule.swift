/// The url of a row of `rbac_permission`: a small regular expression over whole paths.
///
/// Taken: literals, `\.` and other escaped signs, `\d`, `\w`, `.`, `[…]`, `*` `+` `?` on any of these, groups `(…)`,
/// `(?:…)` with `|`, `^` at the start and `$` at the end. A group with `*` or `+` may hold no repetition. Matching takes
/// time in proportion to the path, whatever the pattern, and always the whole path (`^(?:url)$`).
struct PathRule: Sendable {
    struct Invalid: Error, Sendable {
        let problem: String
    }

    private enum Step: Sendable {
        case set(CharacterSet)
        case split(Int, Int)
        case jump(Int)
        case accept
    }

    fileprivate struct CharacterSet: Sendable {
        var bytes: Set<UInt8> = []
        var inverted = false

        func contains(_ byte: UInt8) -> Bool { bytes.contains(byte) != inverted }
    }

    private let steps: [Step]

    /// - Throws: `Invalid` with what is not taken.
    init(_ pattern: String) throws(Invalid) {
        var parser = Parser(pattern)
        let node = try parser.parse()
        var steps: [Step] = []
        Self.compile(node, into: &steps)
        steps.append(.accept)
        self.steps = steps
    }

    func matches(_ path: String) -> Bool {
        var current = closure(of: [0])
        for byte in path.utf8 {
            var next: [Int] = []
            for index in current {
                if case .set(let set) = steps[index], set.contains(byte) { next.append(index + 1) }
            }
            if next.isEmpty { return false }
            current = closure(of: next)
        }
        return current.contains { if case .accept = steps[$0] { true } else { false } }
    }

    private func closure(of starts: [Int]) -> [Int] {
        var seen = Set<Int>()
        var pending = starts
        var out: [Int] = []
        while let index = pending.popLast() {
            guard seen.insert(index).inserted else { continue }
            switch steps[index] {
            case .split(let first, let second): pending += [first, second]
            case .jump(let target): pending.append(target)
            case .set, .accept: out.append(index)
            }
        }
        return out
    }

    private static func compile(_ node: Node, into steps: inout [Step]) {
        switch node {
        case .set(let set): steps.append(.set(set))
        case .sequence(let nodes): for node in nodes { compile(node, into: &steps) }
        case .choice(let nodes):
            var jumps: [Int] = []
            for (position, node) in nodes.enumerated() {
                if position == nodes.count - 1 {
                    compile(node, into: &steps)
                } else {
                    let split = steps.count
                    steps.append(.accept)
                    compile(node, into: &steps)
                    jumps.append(steps.count)
                    steps.append(.accept)
                    steps[split] = .split(split + 1, steps.count)
                }
            }
            for jump in jumps { steps[jump] = .jump(steps.count) }
        case .repeated(let inner, let least, let many):
            let start = steps.count
            if least == 0 { steps.append(.accept) }
            let body = steps.count
            compile(inner, into: &steps)
            if many { steps.append(.split(body, steps.count + 1)) }
            if least == 0 { steps[start] = .split(body, steps.count) }
        }
    }

    fileprivate indirect enum Node {
        case set(CharacterSet)
        case sequence([Node])
        case choice([Node])
        case repeated(Node, least: Int, many: Bool)

        var repeats: Bool {
            switch self {
            case .set: false
            case .sequence(let nodes), .choice(let nodes): nodes.contains { $0.repeats }
            case .repeated: true
            }
        }
    }

    private struct Parser {
        private var rest: Substring

        init(_ pattern: String) { rest = pattern[...] }

        mutating func parse() throws(Invalid) -> Node {
            if rest.first == "^" { rest.removeFirst() }
            if rest.last == "$", !rest.hasSuffix("\\$") { rest.removeLast() }
            guard !rest.isEmpty else { throw Invalid(problem: "is empty") }
            let node = try choice()
            guard rest.isEmpty else { throw Invalid(problem: "has a ) without (") }
            return node
        }

        private mutating func choice() throws(Invalid) -> Node {
            var alternatives = [try sequence()]
            while rest.first == "|" {
                rest.removeFirst()
                alternatives.append(try sequence())
            }
            return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
        }

        private mutating func sequence() throws(Invalid) -> Node {
            var nodes: [Node] = []
            while let next = rest.first, next != "|", next != ")" { nodes += try quantified() }
            return .sequence(nodes)
        }

        private mutating func quantified() throws(Invalid) -> [Node] {
            let nodes = try atom()
            guard let sign = rest.first, "*+?{".contains(sign) else { return nodes }
            guard sign != "{" else { throw Invalid(problem: "counts with { }, which is not taken") }
            guard let last = nodes.last else { throw Invalid(problem: "repeats nothing") }
            guard sign == "?" || !last.repeats else {
                throw Invalid(problem: "repeats a group that holds a repetition")
            }
            rest.removeFirst()
            if let second = rest.first, "*+?".contains(second) {
                throw Invalid(problem: "has two repetitions in a row")
            }
            return nodes.dropLast() + [.repeated(last, least: sign == "+" ? 1 : 0, many: sign != "?")]
        }

        /// One unit; a character beyond ASCII is several bytes, of which a repetition would take only the last.
        private mutating func atom() throws(Invalid) -> [Node] {
            let character = rest.removeFirst()
            switch character {
            case "(":
                if rest.hasPrefix("?:") {
                    rest.removeFirst(2)
                } else if rest.first == "?" {
                    throw Invalid(problem: "has a (?…) group that is not taken")
                }
                let inner = try choice()
                guard rest.first == ")" else { throw Invalid(problem: "has a ( without )") }
                rest.removeFirst()
                return [inner]
            case "[": return [.set(try bracket())]
            case ".": return [.set(CharacterSet(bytes: [0x0A], inverted: true))]
            case "\\": return [.set(try escape())]
            case "*", "+", "?", "{", "}", "]", "^", "$": throw Invalid(problem: "has a bare \(character)")
            default:
                let bytes = Array(String(character).utf8)
                let nodes = bytes.map { Node.set(CharacterSet(bytes: [$0])) }
                return bytes.count == 1 ? nodes : [.sequence(nodes)]
            }
        }

        private mutating func escape() throws(Invalid) -> CharacterSet {
            guard let character = rest.popFirst() else { throw Invalid(problem: "ends in a \\") }
            switch character {
            case "d": return CharacterSet(bytes: Set(UInt8(ascii: "0")...UInt8(ascii: "9")))
            case "w":
                let letters = Set(UInt8(ascii: "a")...UInt8(ascii: "z")).union(UInt8(ascii: "A")...UInt8(ascii: "Z"))
                return CharacterSet(
                    bytes: letters.union(UInt8(ascii: "0")...UInt8(ascii: "9")).union([UInt8(ascii: "_")]))
            default:
                guard let byte = character.asciiValue, !character.isLetter, !character.isNumber else {
                    throw Invalid(problem: "has \\\(character), which is not taken")
                }
                return CharacterSet(bytes: [byte])
            }
        }

        private mutating func bracket() throws(Invalid) -> CharacterSet {
            var set = CharacterSet()
            if rest.first == "^" {
                rest.removeFirst()
                set.inverted = true
                // A path has no line break, and no pattern may be talked into taking one.
                set.bytes.insert(0x0A)
            }
            while let character = rest.popFirst(), character != "]" {
                if character == "\\" {
                    set.bytes.formUnion(try escape().bytes)
                    continue
                }
                guard let low = character.asciiValue else { throw Invalid(problem: "has a non-ASCII sign in [ ]") }
                if rest.first == "-", let high = rest.dropFirst().first?.asciiValue, high != UInt8(ascii: "]") {
                    guard low <= high else { throw Invalid(problem: "has a range backwards in [ ]") }
                    set.bytes.formUnion(low...high)
                    rest.removeFirst(2)
                } else {
                    set.bytes.insert(low)
                }
            }
            guard !set.bytes.isEmpty else { throw Invalid(problem: "has an empty [ ]") }
            return set
        }
    }
}
