/// Courses and people that cells are matched with, read once at the start of an import.
struct ImportLists: Sendable {
    struct Person: Sendable {
        let id: Int
        let username: String
        let name: String
        /// An active person of department 1001, who may own customers.
        let mayReceive: Bool
    }

    enum Courses: Equatable {
        case known([Int])
        case unknown([String])
    }

    enum Match: Equatable {
        case one(Int)
        case several, none
    }

    private let courseIDs: [ByteKey: Int]
    private let usernames: [ByteKey: Int]
    /// nil: several people have this name.
    private let names: [ByteKey: Int?]
    private let receivers: Set<Int>
    private let courseNumbers: Set<Int>

    init(courses: [(id: Int, name: String)], people: [Person]) {
        var courseIDs: [ByteKey: Int] = [:]
        // The first of two names that read the same; an exact name always finds its own.
        for course in courses.sorted(by: { $0.id > $1.id }) { courseIDs[Self.key(course.name)] = course.id }
        for course in courses { courseIDs[ByteKey(course.name)] = course.id }
        self.courseIDs = courseIDs
        var usernames: [ByteKey: Int] = [:]
        var names: [ByteKey: Int?] = [:]
        for person in people {
            usernames[Self.key(person.username)] = person.id
            let key = Self.key(person.name)
            names.updateValue(names.keys.contains(key) ? nil : person.id, forKey: key)
        }
        for person in people { usernames[ByteKey(person.username)] = person.id }
        self.usernames = usernames
        self.names = names
        courseNumbers = Set(courses.map(\.id))
        receivers = Set(people.lazy.filter(\.mayReceive).map(\.id))
    }

    private static func key(_ text: String) -> ByteKey { ByteKey(CellText.folded(ArraySlice(text.utf8))) }

    func hasCourse(_ id: Int) -> Bool { courseNumbers.contains(id) }

    func mayReceive(_ person: Int) -> Bool { receivers.contains(person) }

    func person(_ cell: ArraySlice<UInt8>) -> Match {
        if let id = usernames[ByteKey(cell)] { return .one(id) }
        let key = ByteKey(CellText.folded(cell))
        if let id = usernames[key] { return .one(id) }
        guard let id = names[key] else { return .none }
        return id.map(Match.one) ?? .several
    }

    /// One course, or several between `,` `，` `、` `;` `；` `/` and line ends.
    func courses(_ cell: ArraySlice<UInt8>) -> Courses {
        if let id = course(cell) { return .known([id]) }
        var ids: [Int] = []
        var unknown: [String] = []
        for part in Self.split(cell) {
            if let id = course(part) {
                if !ids.contains(id) { ids.append(id) }
            } else {
                unknown.append(String(decoding: part, as: UTF8.self))
            }
        }
        return unknown.isEmpty ? .known(ids) : .unknown(unknown)
    }

    private func course(_ cell: ArraySlice<UInt8>) -> Int? {
        courseIDs[ByteKey(cell)] ?? courseIDs[ByteKey(CellText.folded(cell))]
    }

    private static func split(_ cell: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = cell.startIndex
        var index = start
        while index < cell.endIndex {
            let width = separatorWidth(cell[index...])
            if width > 0 {
                parts.append(CellText.trimmed(cell[start..<index]))
                start = index + width
            }
            index += max(width, 1)
        }
        parts.append(CellText.trimmed(cell[start...]))
        return parts.filter { !$0.isEmpty }
    }

    private static func separatorWidth(_ rest: ArraySlice<UInt8>) -> Int {
        guard let first = rest.first else { return 0 }
        switch first {
        case 0x2C, 0x3B, 0x2F, 0x0A, 0x0D: return 1
        case 0xEF, 0xE3: return wideSeparators.contains { rest.starts(with: $0) } ? 3 : 0
        default: return 0
        }
    }

    private static let wideSeparators = ["，", "、", "；", "／"].map { Array($0.utf8) }
}
