/// A day of the proleptic Gregorian calendar, as a number of days since 1970-01-01.
struct CivilDate: Sendable, Equatable {
    var days: Int

    /// - Parameter minutes: minutes since 1970-01-01 00:00 of the wall clock.
    static func of(minutes: Int) -> CivilDate { CivilDate(days: Int((Double(minutes) / 1440).rounded(.down))) }

    init(days: Int) { self.days = days }

    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    private var parts: (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let ofEra = z - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shifted + 2) / 5 + 1)
    }

    var year: Int { parts.year }
    var month: Int { parts.month }
    var day: Int { parts.day }
    /// 0 is Sunday.
    var weekday: Int { ((days + 4) % 7 + 7) % 7 }
}
