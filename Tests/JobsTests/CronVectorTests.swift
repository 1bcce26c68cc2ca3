import Testing

@testable import Jobs

/// Where our rule is our own: the hours of the change of the clocks in four zones, and day fields that allow everything.
/// Worked out by hand from the zones' rules; all instants are UTC.
@Suite struct CronVectorTests {
    struct Vector: CustomTestStringConvertible {
        let cron: String
        let zone: String
        let after: String
        let fires: [String]

        init(_ cron: String, _ zone: String, _ after: String, _ fires: [String]) {
            (self.cron, self.zone, self.after, self.fires) = (cron, zone, after, fires)
        }

        var testDescription: String { "\(cron) in \(zone) after \(after)" }
    }

    @Test(arguments: [
        // Berlin 2026: 29 March 01:00 UTC, 02:00 → 03:00; 25 October 01:00 UTC, 03:00 → 02:00.
        Vector("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        Vector("*/20 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:00"]),
        Vector("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:00"]),
        Vector(
            "15 */2 * * *", "Europe/Berlin", "2026-03-28T22:30",
            ["2026-03-28T23:15", "2026-03-29T02:15", "2026-03-29T04:15"]),
        Vector(
            "30 2,3 * * *", "Europe/Berlin", "2026-10-24T12:00",
            ["2026-10-25T00:30", "2026-10-25T02:30", "2026-10-26T01:30"]),
        Vector(
            "30 */2 * * *", "Europe/Berlin", "2026-10-24T22:40",
            ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T03:30"]),
        Vector("0 3 25 10 *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T02:00", "2027-10-25T01:00"]),
        // New York 2026: 8 March 07:00 UTC, 02:00 → 03:00; 1 November 06:00 UTC, 02:00 → 01:00.
        Vector("30 2 * * *", "America/New_York", "2026-03-08T00:00", ["2026-03-08T07:00", "2026-03-09T06:30"]),
        Vector("30 2 8 3 *", "America/New_York", "2026-03-08T00:00", ["2026-03-08T07:00", "2027-03-08T07:30"]),
        Vector("15 */2 * * *", "America/New_York", "2026-03-08T04:00", ["2026-03-08T05:15", "2026-03-08T08:15"]),
        Vector("59 * * * *", "America/New_York", "2026-03-08T06:00", ["2026-03-08T06:59", "2026-03-08T07:59"]),
        Vector("30 1 * * *", "America/New_York", "2026-11-01T00:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
        Vector(
            "0 1-2 * * *", "America/New_York", "2026-11-01T00:00",
            ["2026-11-01T05:00", "2026-11-01T07:00", "2026-11-02T06:00"]),
        Vector(
            "30 */1 * * *", "America/New_York", "2026-11-01T04:45",
            ["2026-11-01T05:30", "2026-11-01T06:30", "2026-11-01T07:30"]),
        // From within the second of the two hours: the fixed one has been, the other comes.
        Vector("45 1 * * *", "America/New_York", "2026-11-01T06:10", ["2026-11-02T06:45"]),
        Vector("45 * * * *", "America/New_York", "2026-11-01T06:10", ["2026-11-01T06:45"]),
        // Lord Howe 2026, half an hour: 4 April 15:00 UTC, 02:00 → 01:30; 3 October 15:30 UTC, 02:00 → 02:30.
        Vector("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", ["2026-10-03T15:30", "2026-10-04T15:15"]),
        Vector("45 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", ["2026-10-03T15:45", "2026-10-04T15:45"]),
        Vector("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
        Vector(
            "45 * * * *", "Australia/Lord_Howe", "2026-04-04T13:50",
            ["2026-04-04T14:45", "2026-04-04T15:15", "2026-04-04T16:15"]),
        Vector(
            "*/15 * * * *", "Australia/Lord_Howe", "2026-10-03T15:10",
            ["2026-10-03T15:15", "2026-10-03T15:30", "2026-10-03T15:45"]),
        // Havana 2026, at midnight: 8 March 05:00 UTC, 00:00 → 01:00; 1 November 05:00 UTC, 01:00 → 00:00.
        Vector("@daily", "America/Havana", "2026-03-07T12:00", ["2026-03-08T05:00", "2026-03-09T04:00"]),
        Vector("30 0 * * *", "America/Havana", "2026-10-31T12:00", ["2026-11-01T04:30", "2026-11-02T05:30"]),
        Vector("30 */12 * * *", "America/Havana", "2026-11-01T00:00", ["2026-11-01T04:30", "2026-11-01T05:30"]),
        // A day field is given unless it is exactly *, also when it allows every day.
        Vector("0 0 1-31 * mon", "UTC", "2026-03-03T00:00", ["2026-03-04T00:00", "2026-03-05T00:00"]),
        Vector("0 0 */1 * mon", "UTC", "2026-03-03T00:00", ["2026-03-04T00:00"]),
        Vector("0 0 13 * 0-6", "UTC", "2026-03-03T00:00", ["2026-03-04T00:00"]),
        Vector("0 0 * * mon", "UTC", "2026-03-03T00:00", ["2026-03-09T00:00"]),
        // Sunday is 0 and 7; a step from a day goes to Saturday.
        Vector(
            "0 0 * * fri-sun", "UTC", "2026-03-02T00:00", ["2026-03-06T00:00", "2026-03-07T00:00", "2026-03-08T00:00"]),
        Vector("0 0 * * 1/3", "UTC", "2026-03-08T00:00", ["2026-03-09T00:00", "2026-03-12T00:00", "2026-03-16T00:00"]),
        Vector("0 0 * * 7/3", "UTC", "2026-03-08T00:00", ["2026-03-11T00:00", "2026-03-14T00:00", "2026-03-15T00:00"]),
        // No 29 February in 2100.
        Vector("0 0 29 2 *", "UTC", "2096-03-01T00:00", ["2104-02-29T00:00"]),
        Vector("*/7 3 29 2 *", "Europe/Berlin", "2096-03-01T00:00", ["2104-02-29T02:00"]),
    ])
    func fires(_ vector: Vector) throws {
        let cron = try Cron(vector.cron)
        let zone = try #require(ScheduleZone(vector.zone))
        let utc = try #require(ScheduleZone("UTC"))
        var at = Clock.utc(vector.after)
        for expected in vector.fires.map(Clock.utc) {
            at = try #require(cron.next(after: at, in: zone))
            #expect(at == expected, "\(Clock.text(at, utc)) UTC")
        }
    }

    /// Expressions that come seldom or never, or are looked for on a day of change. The bound holds in a debug build too.
    @Test(arguments: [
        "0 0 29 2 *", "0 0 31 2 *", "* 0-23 30 2 *", "* * 31 4 *", "59 23 31 12 *", "* 2 * * *", "* 3-4 29 2 *",
        "*/59 */23 31 11 *", "* * * * *",
    ])
    func isFound(_ expression: String) throws {
        let cron = try Cron(expression)
        let zone = try #require(ScheduleZone("Australia/Lord_Howe"))
        let clock = ContinuousClock()
        for moment in ["2026-04-04T14:59", "2026-10-03T15:29", "2096-03-01T00:00"] {
            let best = (0..<3).map { _ in clock.measure { _ = cron.next(after: Clock.utc(moment), in: zone) } }.min()
            #expect(try #require(best) < .milliseconds(50), "\(expression) after \(moment): \(best ?? .zero)")
        }
    }
}
