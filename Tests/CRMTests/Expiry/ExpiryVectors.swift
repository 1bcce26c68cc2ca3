import Testing

/// What becomes of a customer by a day: the rows of the business rules on time.
struct ExpiryVector: Sendable, CustomTestStringConvertible {
    let name: String
    let received: String
    var followed: String?
    var protected: String?
    /// The clock when it is judged, in Shanghai unless it ends in Z.
    let now: String
    /// `3 2018-05-23`, or nil while it is still private.
    let result: String?

    var testDescription: String { name }

    static let all = [
        ExpiryVector(name: "the day of assignment", received: "2018-05-19", now: "2018-05-19 09:00", result: nil),
        ExpiryVector(name: "1 day later", received: "2018-05-19", now: "2018-05-20 09:00", result: nil),
        ExpiryVector(name: "2 days later", received: "2018-05-19", now: "2018-05-21 09:00", result: nil),
        ExpiryVector(name: "3 days later", received: "2018-05-19", now: "2018-05-22 09:00", result: nil),
        ExpiryVector(
            name: "the last millisecond of the last day", received: "2018-05-19", now: "2018-05-22 23:59:59.999",
            result: nil),
        ExpiryVector(
            name: "midnight after the last day", received: "2018-05-19", now: "2018-05-23 00:00:00",
            result: "3 2018-05-23"),
        ExpiryVector(
            name: "the sweep runs a week late", received: "2018-05-19", now: "2018-05-30 00:05", result: "3 2018-05-23"),
        ExpiryVector(
            name: "followed daily, the 15th day", received: "2018-05-19", followed: "2018-06-02",
            now: "2018-06-03 23:59:59", result: nil),
        ExpiryVector(
            name: "followed daily, the 16th day", received: "2018-05-19", followed: "2018-06-03",
            now: "2018-06-04 00:00:00", result: "4 2018-06-04"),
        ExpiryVector(
            name: "a tie is 4", received: "2018-05-01", followed: "2018-05-13", now: "2018-05-17 00:05",
            result: "4 2018-05-17"),
        ExpiryVector(
            name: "a day before the tie", received: "2018-05-01", followed: "2018-05-13", now: "2018-05-16 23:00",
            result: nil),
        ExpiryVector(
            name: "the follow-up was due a day before the deal", received: "2018-05-01", followed: "2018-05-12",
            now: "2018-05-16 00:05", result: "3 2018-05-16"),
        ExpiryVector(name: "leap day", received: "2024-02-26", now: "2024-02-29 23:59:59", result: nil),
        ExpiryVector(
            name: "after the leap day", received: "2024-02-26", now: "2024-03-01 00:00:00", result: "3 2024-03-01"),
        ExpiryVector(name: "year end", received: "2025-12-30", now: "2026-01-02 23:59:59", result: nil),
        ExpiryVector(
            name: "after the year end", received: "2025-12-30", now: "2026-01-03 00:00:00", result: "3 2026-01-03"),
        ExpiryVector(
            name: "16:30 in UTC is the next day in Shanghai", received: "2018-05-19", now: "2018-05-22T16:30:00Z",
            result: "3 2018-05-23"),
        ExpiryVector(
            name: "15:59:59 in UTC is still the day in Shanghai", received: "2018-05-19", now: "2018-05-22T15:59:59Z",
            result: nil),
        ExpiryVector(
            name: "protected until today", received: "2018-05-19", protected: "2018-06-30", now: "2018-06-30 23:59:59",
            result: nil),
        ExpiryVector(
            name: "protected until yesterday", received: "2018-05-19", protected: "2018-06-30",
            now: "2018-07-01 00:00:00", result: "3 2018-07-01"),
        ExpiryVector(
            name: "protected for less than it had anyway", received: "2018-05-19", protected: "2018-05-20",
            now: "2018-05-23 00:00:00", result: "3 2018-05-23"),
    ]
}
