/// A moment on the calendar at a fixed distance from UTC.
struct CivilTime: Equatable {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int

    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    /// China's time, in which providers count days.
    static let shanghai = 480

    private static func floorDivide(_ a: Int, _ b: Int) -> (Int, Int) {
        let remainder = ((a % b) + b) % b
        return ((a - remainder) / b, remainder)
    }

    /// - Parameter milliseconds: since 1970 UTC.
    init(_ milliseconds: Int64, offsetMinutes: Int) {
        let seconds = Self.floorDivide(Int(milliseconds), 1000).0 + offsetMinutes * 60
        let (days, time) = Self.floorDivide(seconds, 86_400)
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
        let (era, dayOfEra) = Self.floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60)
    }

    /// The `Retry-After` and `Date` headers' form: `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// - Returns: milliseconds since 1970, nil if `text` has another form.
    static func httpDate(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(words[2])), let year = Int(words[3]), (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60, clock.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        // days_from_civil of the same source.
        let shiftedYear = month < 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month < 2 ? month + 10 : month - 2) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return Int64(((days * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2]) * 1000
    }

    /// RFC 5322: `Wed, 25 Nov 2026 09:31:00 +0800`.
    static func mailDate(_ milliseconds: Int64, offsetMinutes: Int) -> String {
        let time = CivilTime(milliseconds, offsetMinutes: offsetMinutes)
        let days = floorDivide(floorDivide(Int(milliseconds), 1000).0 + offsetMinutes * 60, 86_400).0
        let weekday = weekdays[floorDivide(days + 4, 7).1]
        let zone = abs(offsetMinutes)
        return "\(weekday), \(two(time.day)) \(months[time.month - 1]) \(time.year) "
            + "\(two(time.hour)):\(two(time.minute)):\(two(time.second)) "
            + "\(offsetMinutes < 0 ? "-" : "+")\(two(zone / 60))\(two(zone % 60))"
    }

    /// The next midnight in China, in milliseconds since 1970.
    static func nextMidnight(after milliseconds: Int64) -> Int64 {
        let offset = Int64(shanghai) * 60_000
        let (days, _) = floorDivide(Int(milliseconds + offset), 86_400_000)
        return Int64(days + 1) * 86_400_000 - offset
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
