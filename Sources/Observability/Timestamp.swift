internal import FoundationEssentials

/// Times as text, by arithmetic alone.
public enum Timestamp {
    /// The moment now, e.g. `2026-01-02T03:04:05.678Z`.
    public static func now() -> String {
        rfc3339(milliseconds: Int64(Date().timeIntervalSince1970 * 1000), offset: 0)
    }

    /// RFC 3339 with milliseconds and an offset.
    ///
    /// - Parameters:
    ///   - milliseconds: since 1970-01-01T00:00:00Z.
    ///   - offset: of the zone at that moment, in seconds east of UTC; 0 prints as `Z`.
    public static func rfc3339(milliseconds: Int64, offset: Int) -> String {
        let local = milliseconds + Int64(offset) * 1000
        let days = floorDivide(local, 86_400_000)
        let rest = local - days * 86_400_000
        let (year, month, day) = civil(daysSinceEpoch: days)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let minute = "\(padded(rest / 3_600_000, 2)):\(padded(rest / 60_000 % 60, 2))"
        let clock = "\(minute):\(padded(rest / 1000 % 60, 2)).\(padded(rest % 1000, 3))"
        guard offset != 0 else { return "\(date)T\(clock)Z" }
        let minutes = Int64(abs(offset) / 60)
        return "\(date)T\(clock)\(offset < 0 ? "-" : "+")\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))"
    }

    /// Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
    static func civil(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((b - 1 - a) / b) }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
