@testable import Jobs

/// Makes cron expressions as people write them, and stranger ones.
struct RandomCron {
    private static let months = ["jan", "FEB", "mar", "apr", "May", "jun", "jul", "aug", "sep", "OCT", "nov", "dec"]
    private static let weekdays = ["sun", "MON", "tue", "Wed", "thu", "fri", "sat"]
    private static let nicknames = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"]

    var random: Generator

    mutating func expression() -> String {
        if Int.random(in: 0..<50, using: &random) == 0 { return Self.nicknames.randomElement(using: &random) ?? "" }
        return [
            field(0...59, stars: 0.15), field(0...23, stars: 0.3), field(1...31, stars: 0.5),
            field(1...12, stars: 0.7, names: Self.months), field(0...7, stars: 0.5, names: Self.weekdays),
        ].joined(separator: Bool.random(using: &random) ? " " : "  ")
    }

    private mutating func field(_ range: ClosedRange<Int>, stars: Double, names: [String] = []) -> String {
        if Double.random(in: 0..<1, using: &random) < stars { return "*" }
        let count = Double.random(in: 0..<1, using: &random) < 0.7 ? 1 : Int.random(in: 2...4, using: &random)
        return (0..<count).map { _ in item(range, names) }.joined(separator: ",")
    }

    /// A range has two ends: croniter takes 4-4 for everything.
    private mutating func item(_ range: ClosedRange<Int>, _ names: [String]) -> String {
        func word(_ value: Int) -> String {
            let index = value - range.lowerBound
            return names.indices.contains(index) && Bool.random(using: &random) ? names[index] : "\(value)"
        }
        let low = Int.random(in: range, using: &random)
        let from = min(low, range.upperBound - 1)
        let to = Int.random(in: from + 1...range.upperBound, using: &random)
        let step = Int.random(in: 1...max(2, range.upperBound / 2), using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0...4: return word(low)
        case 5, 6: return "\(word(from))-\(word(to))"
        case 7: return "*/\(step)"
        case 8: return "\(from)-\(to)/\(step)"
        default: return "\(low)/\(step)"
        }
    }
}
