/// A five-field cron expression: minute, hour, day of month, month, day of week.
///
/// Names, ranges, steps and lists; `@hourly`, `@daily` (`@midnight`), `@weekly`, `@monthly`, `@yearly` (`@annually`).
/// Day of month and day of week both given mean either; a day field counts as given unless it is exactly `*`.
public struct Cron: Sendable, Equatable {
    let minute: CronField
    let hour: CronField
    let day: CronField
    let month: CronField
    let weekday: CronField

    private static let nicknames = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    /// - Throws: ``CronError`` that names the field and what is wrong with it.
    public init(_ expression: String) throws(CronError) {
        let text = Self.nicknames[expression.lowercased()] ?? expression
        let fields = text.split { $0 == " " || $0 == "\t" }
        guard fields.count == 5 else {
            throw CronError("'\(expression)' has \(fields.count) fields: it takes minute hour day month weekday")
        }
        minute = try CronField(fields[0], "minute", 0...59)
        hour = try CronField(fields[1], "hour", 0...23)
        day = try CronField(fields[2], "day", 1...31)
        month = try CronField(fields[3], "month", 1...12, names: Self.months)
        weekday = try CronField(fields[4], "weekday", 0...7, names: Self.weekdays, top: 6)
    }

    /// An entry whose hour is `*` or `*/n` goes by elapsed time: it also fires in the hour that exists twice.
    var goesByElapsedTime: Bool { hour.isWildcard }

    func matches(day date: CivilDate) -> Bool {
        guard month.contains(date.month) else { return false }
        let (byDay, byWeekday) = (day.contains(date.day), weekday.contains(date.weekday))
        if day.isStar { return byWeekday }
        return weekday.isStar ? byDay : byDay || byWeekday
    }
}
