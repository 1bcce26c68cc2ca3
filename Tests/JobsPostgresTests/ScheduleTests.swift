import JobsPostgres
import Logging
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import Jobs

/// Fires over a real PostgreSQL: one for each due time, with its job, whoever runs and whatever dies.
@Suite struct ScheduleTests {
    private static let minute = 60_000
    /// 2026-03-01T00:00 UTC.
    private static let start = 1_772_323_200_000

    private func schedule(_ cron: String = "*/10 * * * *", name: String = "s", catchUp: Bool = true) throws -> Schedule
    {
        try Schedule(
            name: name, cron: cron, zone: #require(ScheduleZone("Asia/Shanghai")), kind: "k",
            args: Array("{\"n\": 1}".utf8), catchUp: catchUp)
    }

    /// A ledger whose clock is set by hand, and whose process may die after any commit.
    private struct Clocked: ScheduleLedger {
        struct Died: Error {}

        let ledger: PostgresScheduleLedger
        let clock: @Sendable () -> Int
        let dies: @Sendable () -> Bool

        func now() async throws -> Int { clock() }
        func begin(_ schedules: [Schedule], now: Int) async throws -> [String: Int] {
            try await ledger.begin(schedules, now: now)
        }
        func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool {
            let isFirst = try await ledger.fire(schedule, at: instant, enqueues: enqueues)
            if dies() { throw Died() }
            return isFirst
        }
        func lastFires(of names: [String]) async throws -> [String: Int] { try await ledger.lastFires(of: names) }
    }

    private func fires(_ story: Story, _ name: String = "s") async throws -> [Int] {
        try await story.page(
            """
            SELECT (extract(epoch FROM fire_at) * 1000)::bigint FROM paidan.schedule_run WHERE name = \(name) ORDER BY 1
            """
        ).map { try $0.int(0) }
    }

    /// Fires without their job, jobs without their fire.
    private func unmatched(_ story: Story) async throws -> Int {
        try await story.number(
            """
            SELECT count(*) FROM paidan.schedule_run r FULL JOIN paidan.outbox o ON o.id::text = r.job_id
            WHERE r.name IS NULL OR o.id IS NULL
            """)
    }

    @Test("three schedulers, clocks minutes apart and stepped, deaths after commits: each due time once, with its job")
    func onceEach() async throws {
        try await Story.tell { story in
            let seed = UInt64.random(in: 0...UInt64.max)
            let random = Lock(Generator(seed: seed))
            let time = Lock(Self.start)
            let schedules = [try schedule(), try schedule("5,15,25,35,45,55 * * * *", name: "t")]
            let services = (0..<3).map { number in
                // The first one's clock is right and it never dies, so that some scheduler always lives.
                let skew = Lock(0)
                let ledger = Clocked(
                    ledger: PostgresScheduleLedger(pool: story.pool),
                    clock: {
                        guard number > 0 else { return time.withLock { $0 } }
                        let step = random.withLock { Int.random(in: -4...4, using: &$0) }
                        return time.withLock { $0 }
                            + skew.withLock { skew in
                                if step.isMultiple(of: 3) { skew = step * Self.minute }
                                return skew
                            }
                    },
                    dies: { number > 0 && random.withLock { Int.random(in: 0..<3, using: &$0) == 0 } })
                return Scheduler(schedules: ScheduleList(schedules), ledger: ledger, logger: Logger(label: "test"))
            }
            var agendas: [ScheduleAgenda?] = services.map { _ in nil }
            for _ in 0..<180 {
                await withTaskGroup(of: (Int, ScheduleAgenda?).self) { group in
                    for (number, service) in services.enumerated() {
                        let known = agendas[number]
                        group.addTask {
                            var agenda = known
                            // Who died begins anew.
                            do { try await service.step(&agenda) } catch { agenda = nil }
                            return (number, agenda)
                        }
                    }
                    for await (number, agenda) in group { agendas[number] = agenda }
                }
                time.withLock { $0 += Self.minute }
            }
            let end = time.withLock { $0 } - Self.minute
            for (name, first) in [("s", 10), ("t", 5)] {
                let due = Array(stride(from: Self.start + first * Self.minute, through: end, by: 10 * Self.minute))
                // A clock that is ahead fires early, at most by its skew; one that is behind may begin before the start.
                let fired = try await fires(story, name).filter { $0 > Self.start && $0 <= end }
                #expect(fired == due, "seed \(seed)")
            }
            #expect(try await unmatched(story) == 0)
        }
    }

    @Test("the clock is PostgreSQL's")
    func clock() async throws {
        try await Story.tell { story in
            try await story.at("2026-03-01 08:00")
            let now = try await PostgresScheduleLedger(pool: story.pool).now()
            #expect((Self.start..<Self.start + Self.minute).contains(now))
        }
    }

    @Test("seen for the first time, edited or there again: nothing was missed; else the newest fire counts")
    func beginnings() async throws {
        try await Story.tell { story in
            let ledger = PostgresScheduleLedger(pool: story.pool)
            let (s, other) = (try schedule(), try schedule(name: "客户 清理"))
            let start = Self.start
            #expect(try await ledger.begin([s, other], now: start) == ["s": start, "客户 清理": start])
            #expect(try await ledger.begin([s, other], now: start + 1000) == ["s": start, "客户 清理": start])
            #expect(try await ledger.fire(s, at: start + 10 * Self.minute, enqueues: true))
            #expect(try await !ledger.fire(s, at: start + 10 * Self.minute, enqueues: true))
            let later = start + 60 * Self.minute
            // `other` is gone meanwhile.
            #expect(try await ledger.begin([s], now: later) == ["s": start + 10 * Self.minute])
            #expect(
                try await ledger.begin([s, other], now: later) == ["s": start + 10 * Self.minute, "客户 清理": later])
            #expect(try await ledger.begin([try schedule("5 * * * *")], now: later) == ["s": later])
            // The clock was set back: neither the fire nor the beginning of later counts.
            #expect(try await ledger.begin([try schedule("5 * * * *")], now: start + 1) == ["s": start + 1])
            #expect(try await ledger.lastFires(of: ["s", "x"]) == ["s": start + 10 * Self.minute])
            #expect(try await story.number("SELECT count(*) FROM paidan.schedule_run") == 1)
            #expect(try await unmatched(story) == 0)
        }
    }

    @Test("a missed time runs once on return, or is ticked off once")
    func missed() async throws {
        try await Story.tell { story in
            let time = Lock(Self.start)
            let ledger = Clocked(
                ledger: PostgresScheduleLedger(pool: story.pool), clock: { time.withLock { $0 } }, dies: { false })
            let schedules = [
                try schedule("*/5 * * * *"), try schedule("*/5 * * * *", name: "skipping", catchUp: false),
            ]
            var agenda: ScheduleAgenda?
            let scheduler = Scheduler(schedules: ScheduleList(schedules), ledger: ledger, logger: Logger(label: "test"))
            try await scheduler.step(&agenda)
            // Away for a day and a bit, then another process.
            time.withLock { $0 += 1441 * Self.minute }
            agenda = nil
            for _ in 0..<3 { try await scheduler.step(&agenda) }
            #expect(try await fires(story) == [Self.start + 1440 * Self.minute])
            #expect(try await fires(story, "skipping") == [])
            time.withLock { $0 += 4 * Self.minute }
            try await scheduler.step(&agenda)
            #expect(try await fires(story).count == 2)
            #expect(try await fires(story, "skipping") == [Self.start + 1445 * Self.minute])
            let skipped = try await PostgresScheduleLedger(pool: story.pool).fire(
                schedules[1], at: Self.start + 1440 * Self.minute, enqueues: false)
            #expect(!skipped)
            #expect(try await unmatched(story) == 0)
        }
    }

    @Test("a fire that is not committed leaves neither row nor job")
    func undone() async throws {
        try await Story.tell { story in
            let ledger = PostgresScheduleLedger(pool: story.pool)
            let broken = try Schedule(
                name: "s", cron: "@daily", zone: #require(ScheduleZone("UTC")), kind: "k", args: Array("no JSON".utf8))
            await #expect(throws: PostgresError.self) { try await ledger.fire(broken, at: Self.start, enqueues: true) }
            #expect(try await fires(story) == [])
            #expect(try await ledger.fire(try schedule(), at: Self.start, enqueues: true))
        }
    }
}

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var z = seed
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
