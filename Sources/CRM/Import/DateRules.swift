/// A calendar day, counted from 1970-01-01.
public struct Day: Sendable, Hashable, Comparable {
    public let number: Int

    public init(number: Int) { self.number = number }

    /// - Returns: nil if there is no such day. Years 1–9999.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        // Days from civil, with years that begin in March.
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        number = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// `YYYY-MM-DD`.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 4, let year = Int(parts[0]), let month = Int(parts[1]),
            let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    public static func < (a: Day, b: Day) -> Bool { a.number < b.number }

    /// Year, month and day.
    public var civil: (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let m = (5 * dayOfYear + 2) / 153
        let month = m < 10 ? m + 3 : m - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
    }

    /// `YYYY-MM-DD` in ASCII.
    var utf8: [UInt8] {
        let (year, month, day) = civil
        var out: [UInt8] = []
        out.reserveCapacity(10)
        for divisor in [1000, 100, 10, 1] { out.append(UInt8(0x30 + year / divisor % 10)) }
        for part in [month, day] {
            out.append(0x2D)
            out.append(UInt8(0x30 + part / 10))
            out.append(UInt8(0x30 + part % 10))
        }
        return out
    }
}

extension Day: CustomStringConvertible {
    public var description: String { String(decoding: utf8, as: UTF8.self) }
}

/// The 咨询日期 column.
struct DateRules: Sendable {
    /// The workbook counts days from 1904-01-01.
    let from1904: Bool

    /// - Parameter cell: trimmed, not empty.
    /// - Returns: nil if it is no date.
    func parse(_ cell: ArraySlice<UInt8>, isNumber: Bool) -> Day? {
        if isNumber { return serial(cell) }
        let text = CellText.compatibleBytes(cell)
        if text.allSatisfy({ CellText.isDigit($0) || $0 == 0x2E }) { return serial(text) }
        return written(text)
    }

    /// Days since 1899-12-30 as Excel counts them; 60 is 1900-02-29, which never was. A fraction is a time of day.
    private func serial(_ text: ArraySlice<UInt8>) -> Day? {
        guard let value = Double(String(decoding: text, as: UTF8.self)), value >= 0, value < 2_958_466 else {
            return nil
        }
        let serial = Int(value)
        if from1904 { return Day(number: serial - 24_107) }
        switch serial {
        case 1..<60: return Day(number: serial - 25_568)
        case 61...: return Day(number: serial - 25_569)
        default: return nil
        }
    }

    /// `Y-M-D`, `Y/M/D`, `Y年M月D日`, then nothing or a time of day.
    private func written(_ text: ArraySlice<UInt8>) -> Day? {
        var rest = text
        guard let year = number(&rest, digits: 4...4) else { return nil }
        let end: [UInt8]
        let separator: [UInt8]
        if rest.first == 0x2D || rest.first == 0x2F {
            separator = [rest[rest.startIndex]]
            end = []
        } else {
            guard take(Array("年".utf8), from: &rest) else { return nil }
            separator = Array("月".utf8)
            end = Array("日".utf8)
        }
        if end.isEmpty { rest = rest.dropFirst() }
        guard let month = number(&rest, digits: 1...2), take(separator, from: &rest),
            let day = number(&rest, digits: 1...2), take(end, from: &rest), isTimeOfDay(rest)
        else { return nil }
        return Day(year: year, month: month, day: day)
    }

    private func number(_ rest: inout ArraySlice<UInt8>, digits: ClosedRange<Int>) -> Int? {
        let run = rest.prefix(while: CellText.isDigit)
        guard digits.contains(run.count) else { return nil }
        rest = rest.dropFirst(run.count)
        return run.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private func take(_ separator: [UInt8], from rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.starts(with: separator) else { return false }
        rest = rest.dropFirst(separator.count)
        return true
    }

    /// Nothing, or white space or `T` and something that begins like a time: it is dropped.
    private func isTimeOfDay(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let first = rest.first else { return true }
        guard first == 0x20 || first == 0x54 || first == 0x74 else { return false }
        let time = CellText.trimmed(rest.dropFirst())
        let hour = time.prefix(while: CellText.isDigit)
        guard (1...2).contains(hour.count), time.dropFirst(hour.count).first == 0x3A else { return false }
        return time.dropFirst(hour.count + 1).first.map(CellText.isDigit) ?? false
    }
}
