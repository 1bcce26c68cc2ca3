import CRM

/// One row of the table of expected sequences.
struct SequenceRow: Sendable {
    let shares: [CycleShare]
    let laps: [Int]
    let block: [Int]
    let smooth: [Int]

    /// Shares as `user:num,weight`, sequences as users; `8*20` is seller 8 twenty times.
    init(_ shares: String, laps: String, block: String, smooth: String) {
        self.shares = Self.shares(shares)
        self.laps = Self.users(laps)
        self.block = Self.users(block)
        self.smooth = Self.users(smooth)
    }

    func expected(_ strategy: AssignmentStrategy) -> [Int] {
        switch strategy {
        case .laps: laps
        case .block: block
        case .smooth: smooth
        }
    }

    static func shares(_ text: String) -> [CycleShare] {
        text.split(separator: " ").map { part in
            let numbers = part.split { $0 == ":" || $0 == "," }
            return CycleShare(user: user(numbers[0]), num: Int(numbers[1]) ?? -1, weight: Int(numbers[2]) ?? -1)
        }
    }

    /// `a` is seller 1, `b` 2, `c` 3; the cycle marks `|` of the table are left out.
    static func users(_ text: String) -> [Int] {
        text.split(separator: " ").filter { $0 != "|" }.flatMap { part in
            let pieces = part.split(separator: "*")
            return Array(repeating: user(pieces[0]), count: pieces.count == 2 ? Int(pieces[1]) ?? 0 : 1)
        }
    }

    private static func user(_ text: Substring) -> Int {
        switch text {
        case "a": 1
        case "b": 2
        case "c": 3
        default: Int(text) ?? -1
        }
    }
}

enum SequenceVectors {
    static let base = SequenceRow(
        "a:3,1 b:2,2 c:1,3", laps: "c b a b a a", block: "c b b a a a", smooth: "a b c a b a")
    static let tail = SequenceRow(
        "19:5,3 20:8,6 2:6,4",
        laps: "20 2 19 20 2 19 20 2 19 20 2 19 20 2 19 20 2 20 20", block: "20*8 2*6 19*5",
        smooth: "20 2 19 20 2 19 20 2 20 19 20 2 20 19 2 20 19 2 20")
    static let stairs = SequenceRow(
        "5:2,1 13:3,2 14:4,3 15:5,4 16:6,5", laps: "16 15 14 13 5 16 15 14 13 5 16 15 14 13 16 15 14 16 15 16",
        block: "16*6 15*5 14*4 13*3 5*2", smooth: "16 15 14 13 16 5 15 14 16 15 13 16 14 15 16 5 13 14 15 16")
    static let four = SequenceRow(
        "2:4,8 14:3,7 17:2,5 22:1,4", laps: "2 14 17 22 2 14 17 2 14 2", block: "2*4 14*3 17*2 22",
        smooth: "2 14 17 2 14 22 2 17 14 2")
    static let ties = SequenceRow("9:2,5 3:2,5 7:1,5", laps: "3 7 9 3 9", block: "3 3 7 9 9", smooth: "3 9 7 3 9")
    static let newHire = SequenceRow("1:2,3 2:0,9 4:1,1", laps: "1 4 1", block: "1 1 4", smooth: "1 4 1")
    static let none = SequenceRow("5:0,1", laps: "", block: "", smooth: "")
}
