import Testing

@testable import Jobs

@Suite struct CronTests {
    private func next(_ cron: String, _ zone: String, after: String) throws -> String? {
        let zone = try #require(ScheduleZone(zone))
        return try Cron(cron).next(after: Clock.utc(after), in: zone).map { Clock.text($0, zone) }
    }

    @Test(arguments: [
        ("5 0 * * *", "2026-03-01T00:00", "2026-03-01T08:05"),
        ("@hourly", "2026-03-01T00:00", "2026-03-01T09:00"),
        ("*/15 9-17 * * mon-fri", "2026-03-01T00:00", "2026-03-02T09:00"),
        ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("0 12 13 * 5", "2026-03-01T00:00", "2026-03-06T12:00"),
        ("0 12 13 * *", "2026-03-01T00:00", "2026-03-13T12:00"),
        ("30 4 1,15 JAN,feb sun", "2026-02-01T21:00", "2026-02-08T04:30"),
        ("0 0 * * 7", "2026-03-01T00:00", "2026-03-08T00:00"),
        ("59 23 31 12 *", "2026-03-01T00:00", "2026-12-31T23:59"),
        ("0 0 */10 * 1", "2026-03-01T00:00", "2026-03-02T00:00"),
    ])
    func fires(_ cron: String, _ after: String, _ expected: String) throws {
        // 00:00 UTC is 08:00 in Shanghai, where the clocks do not change.
        #expect(try next(cron, "Asia/Shanghai", after: after) == (cron == "5 0 * * *" ? "2026-03-02T00:05" : expected))
    }

    @Test func noSuchDay() throws {
        #expect(try next("0 0 30 2 *", "Asia/Shanghai", after: "2026-01-01T00:00") == nil)
    }

    /// Berlin 2026: 29 March 02:00 → 03:00, 25 October 03:00 → 02:00.
    @Test func daylightSaving() throws {
        let berlin = "Europe/Berlin"
        // In the gap: the first instant after it, and the day after as usual.
        #expect(try next("30 2 * * *", berlin, after: "2026-03-29T00:00") == "2026-03-29T03:00")
        #expect(try next("30 2 * * *", berlin, after: "2026-03-29T01:00") == "2026-03-30T02:30")
        // Twice: at the first (00:30 UTC), not again at the second (01:30 UTC).
        #expect(try next("30 2 * * *", berlin, after: "2026-10-25T00:00") == "2026-10-25T02:30")
        #expect(try next("30 2 * * *", berlin, after: "2026-10-25T00:30") == "2026-10-26T02:30")
        // By elapsed time: both, and nothing extra in spring.
        let zone = try #require(ScheduleZone(berlin))
        let hourly = try Cron("30 * * * *")
        var fires: [Int] = []
        var at = Clock.utc("2026-10-24T23:45")
        for _ in 0..<4 {
            at = try #require(hourly.next(after: at, in: zone))
            fires.append(at)
        }
        #expect(
            fires == ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30", "2026-10-25T03:30"].map(Clock.utc))
        #expect(try next("*/20 */2 * * *", berlin, after: "2026-03-29T00:50") == "2026-03-29T04:00")
    }

    @Test(arguments: [
        "", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *",
        "a * * * *", "1,,2 * * * *", "* * * * monday", "@often",
    ])
    func refuses(_ cron: String) { #expect(throws: CronError.self) { try Cron(cron) } }

    /// Against a slow reference that walks minute by minute, where the clocks do not change.
    @Test func equalsAReference() throws {
        let zone = try #require(ScheduleZone("Asia/Shanghai"))
        var random = Generator(seed: 7)
        for _ in 0..<150 {
            func field(_ range: ClosedRange<Int>, stars: Double) -> String {
                if Double.random(in: 0..<1, using: &random) < stars { return "*" }
                let low = Int.random(in: range, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: return "\(low)"
                case 1: return "\(low)-\(Int.random(in: low...range.upperBound, using: &random))"
                case 2: return "*/\(Int.random(in: 1...range.upperBound, using: &random))"
                default: return "\(low),\(Int.random(in: range, using: &random))"
                }
            }
            let text = [
                field(0...59, stars: 0.3), field(0...23, stars: 0.5), field(1...31, stars: 0.7),
                field(1...12, stars: 0.8), field(0...6, stars: 0.7),
            ].joined(separator: " ")
            let cron = try Cron(text)
            let start = Clock.utc("2026-01-01T00:00") + Int.random(in: 0..<500_000, using: &random) * 60_000
            var expected: Int?
            var minute = start / 60_000 + 1
            let end = minute + 60 * 24 * 100
            while minute < end {
                let local = minute + 480
                let date = CivilDate.of(minutes: local)
                if !cron.matches(day: date) {
                    minute += 1440 - local % 1440
                } else if cron.hour.contains(local % 1440 / 60), cron.minute.contains(local % 60) {
                    expected = minute * 60_000
                    break
                } else {
                    minute += 1
                }
            }
            if let expected { #expect(cron.next(after: start, in: zone) == expected, "\(text) after \(start)") }
        }
    }
}

/// Times as text, without Foundation.
enum Clock {
    /// "2026-03-01T00:00" → milliseconds since 1970.
    static func utc(_ text: String) -> Int {
        let n = text.split { !$0.isNumber }.compactMap { Int($0) }
        var days = (n[0] - 1970) * 365
        while true {
            let date = CivilDate(days: days)
            if (date.year, date.month, date.day) == (n[0], n[1], n[2]) { break }
            days += 1
        }
        return (days * 1440 + n[3] * 60 + n[4]) * 60_000
    }

    static func text(_ instant: Int, _ zone: ScheduleZone) -> String {
        let local = instant / 1000 + zone.offset(at: instant / 1000)
        let date = CivilDate.of(minutes: local / 60)
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        return "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(local / 3600 % 24)):\(two(local / 60 % 60))"
    }
}

/// SplitMix64.
struct Generator: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var z = seed
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
