import Foundation
import TestSupport
import Testing

@testable import Jobs

/// Next fire times against croniter of PyPI, over random expressions.
@Suite struct CroniterTests {
    fileprivate struct Question: Encodable {
        let cron: String
        let zone: String
        /// Seconds since 1970, as are all times here.
        let after: Int
        let count: Int
    }

    private struct Answer: Decodable {
        let direct: [Int]?
        let mapped: [Int]?
    }

    private static let fires = 3
    private static let zones = ["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
    /// Around both changes of the clocks of these zones (the hours before and after), leap days and ends of years.
    private static let moments = [
        "2026-03-08T05:30", "2026-03-08T06:30", "2026-03-08T07:00", "2026-03-29T00:15", "2026-03-29T01:00",
        "2026-04-04T14:10", "2026-04-04T15:00", "2026-10-03T14:45", "2026-10-03T15:30", "2026-10-24T22:00",
        "2026-10-25T00:10", "2026-10-25T01:40", "2026-11-01T04:05", "2026-11-01T05:30", "2026-11-01T06:59",
        "2024-02-28T15:59", "2024-02-29T04:00", "2025-12-31T15:59", "2026-12-31T22:59", "2027-01-01T04:59",
        "2028-02-29T11:00",
    ].map { Clock.utc($0) / 1000 }

    @Test("1,000 random expressions in four zones fire when croniter says")
    func equalsCroniter() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = RandomCron(random: Generator(seed: seed))
        let expressions = (0..<1000).map { _ in random.expression() }
        let questions = expressions.flatMap { cron in
            Self.zones.flatMap { zone in
                let anywhere =
                    Clock.utc("2024-01-01T00:00") / 1000 + Int.random(in: 0..<150_000_000, using: &random.random)
                let moments = [Self.moments.randomElement(using: &random.random) ?? 0, anywhere]
                return moments.map { Question(cron: cron, zone: zone, after: $0, count: Self.fires) }
            }
        }
        let answers = try await ask(questions)
        try #require(answers.count == questions.count)

        var tally = Tally()
        for (question, answer) in zip(questions, answers) {
            let cron = try Cron(question.cron)
            let zone = try #require(ScheduleZone(question.zone))
            let ours = try fires(cron, zone, after: question.after)
            if cron.hasFullDayFieldAmongTwo {
                tally.expressions += 1
                continue
            }
            tally.compare(ours, answer.mapped ?? [], question.text, "mapped")
            tally.compare(
                try beside(ours, zone, &tally), try beside(answer.direct ?? [], zone, &tally), question.text, "direct",
                until: min(ours.last ?? .max, answer.direct?.last ?? .max))
        }
        print("croniter, seed \(seed): \(expressions.count) expressions, \(Self.zones.count) zones; \(tally.summary)")
        #expect(tally.differences.isEmpty, "seed \(seed):\n\(tally.differences.prefix(20).joined(separator: "\n"))")
        #expect(tally.compared > 40_000)
        #expect(tally.besideChange < tally.compared / 10 && tally.expressions < questions.count / 10)
    }

    private func fires(_ cron: Cron, _ zone: ScheduleZone, after: Int) throws -> [Int] {
        var fires: [Int] = []
        var last = after * 1000
        while fires.count < Self.fires, let next = cron.next(after: last, in: zone) {
            try #require(next > last && next % 60_000 == 0)
            fires.append(next / 1000)
            last = next
        }
        return fires
    }

    /// Fires that are not beside a change of the clocks: not at most as far from it as the clocks are moved by.
    ///
    /// There our rule is another than croniter's: a fixed hour that exists twice fires at the first only, and an hour
    /// `*/n` that does not exist does not fire at all.
    private func beside(_ fires: [Int], _ zone: ScheduleZone, _ tally: inout Tally) throws -> [Int] {
        fires.filter { fire in
            let hour = 3600
            let (before, after) = (zone.offset(at: fire - hour), zone.offset(at: fire + hour))
            if before != after { tally.besideChange += 1 }
            return before == after
        }
    }

    /// One process answers all.
    private func ask(_ questions: [Question]) async throws -> [Answer] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = URL(filePath: PrivateServers.folder).appending(path: "croniter-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let lines = try questions.map { try JSONEncoder().encode($0) + [0x0A] }
        let (asked, answered) = (folder.appending(path: "questions"), folder.appending(path: "answers"))
        try Data(lines.joined()).write(to: asked)
        let python = try await ChildProcess.start(
            "python3",
            [
                root.appending(path: "Tests/Reference/cron.py").path(),
                root.appending(path: ".build/croniter-7.0.0").path(),
                asked.path(), answered.path(),
            ], log: folder.appending(path: "log").path())
        let end = try await python.finish()
        try #require(end == .exited(0), "\(python.log)")
        return try Data(contentsOf: answered).split(separator: 0x0A).map {
            try JSONDecoder().decode(Answer.self, from: Data($0))
        }
    }

    private struct Tally {
        var compared = 0
        var besideChange = 0
        /// Questions about an expression that we read differently.
        var expressions = 0
        var differences: [String] = []

        mutating func compare(_ ours: [Int], _ theirs: [Int], _ what: String, _ way: String, until end: Int = .max) {
            let (ours, theirs) = (ours.filter { $0 <= end }, theirs.filter { $0 <= end })
            compared += max(ours.count, theirs.count)
            if ours != theirs { differences.append("\(way) \(what): ours \(ours), croniter \(theirs)") }
        }

        var summary: String {
            "\(compared) fires compared, \(differences.count) comparisons differ; left out: \(besideChange) fires beside "
                + "a change of the clocks (compared there by our rule only), \(expressions) questions with a day field "
                + "that allows every value and is not *"
        }
    }
}

extension CroniterTests.Question {
    fileprivate var text: String { "'\(cron)' \(zone) after \(after)" }
}

extension Cron {
    /// Both day fields are given, by our reading, and one of them allows every value: croniter takes it for `*`.
    fileprivate var hasFullDayFieldAmongTwo: Bool {
        !day.isStar && !weekday.isStar && ((1...31).allSatisfy(day.contains) || (0...6).allSatisfy(weekday.contains))
    }
}
