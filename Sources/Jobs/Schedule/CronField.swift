/// One field of a cron expression: the set of values it allows.
struct CronField: Sendable, Equatable {
    /// Bit n is set if n is allowed; all fields lie in 0 to 59.
    let bits: UInt64
    /// Exactly `*`: for the day fields, not given.
    let isStar: Bool
    /// `*` or `*/n`: for the hour, the entry goes by elapsed time.
    let isWildcard: Bool

    func contains(_ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }

    /// The smallest allowed value from `value` on.
    func next(from value: Int) -> Int? {
        guard value < 64 else { return nil }
        let rest = bits >> UInt64(value)
        return rest == 0 ? nil : value + rest.trailingZeroBitCount
    }

    /// - Parameters:
    ///   - names: three-letter names of the values, from `range.lowerBound` on.
    ///   - top: the largest value of `*` and of `n/step`; a value above it is the smallest once more (7 is Sunday too).
    /// - Throws: ``CronError`` that names the field.
    init(
        _ text: Substring, _ name: String, _ range: ClosedRange<Int>, names: [String] = [], top: Int? = nil
    ) throws(CronError) {
        let top = top ?? range.upperBound
        isStar = text == "*"
        isWildcard = text == "*" || text.hasPrefix("*/") && !text.contains(",")
        var bits: UInt64 = 0
        func fail(_ problem: String) -> CronError { CronError("\(name) field '\(text)': \(problem)") }
        func number(_ word: Substring) throws(CronError) -> Int {
            if let place = names.firstIndex(of: word.lowercased()) { return range.lowerBound + place }
            guard let value = Self.digits(word) else { throw fail("'\(word)' is not a value") }
            guard range.contains(value) else {
                throw fail("\(value) is not in \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            var step = 1
            if parts.count == 2 {
                guard let value = Self.digits(parts[1]), value > 0 else {
                    throw fail("a step must be a whole number from 1")
                }
                // Longer than any field: the first value only.
                step = min(value, 60)
            }
            var (low, high) = (range.lowerBound, top)
            if parts[0] != "*" {
                let ends = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
                low = try number(ends[0])
                if ends.count == 2 {
                    high = try number(ends[1])
                    // fri-sun
                    if high < low, high == range.lowerBound, top < range.upperBound { high = range.upperBound }
                } else if low > top {
                    low = range.lowerBound
                }
                if ends.count == 1, parts.count == 1 { high = low }
                guard low <= high else { throw fail("the range \(parts[0]) runs backwards") }
            }
            for value in stride(from: low, through: high, by: step) { bits |= 1 << UInt64(value) }
        }
        if top < range.upperBound {
            bits = (bits | (bits >> UInt64(top + 1)) << UInt64(range.lowerBound)) & (1 << UInt64(top + 1) - 1)
        }
        self.bits = bits
    }

    private static func digits(_ word: Substring) -> Int? {
        word.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int(word) : nil
    }
}

/// An expression that is no schedule.
public struct CronError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
