import Logging
import OwnerThread
import Testing

@testable import Jobs

@Suite struct SchedulerTests {
    final class Ledger: ScheduleLedger {
        let state = Lock((last: [String: Int](), fires: [(Int, Bool)]()))

        func lastFires(of names: [String], now: Int) async throws -> [String: Int] {
            state.withLock { state in
                for name in names where state.last[name] == nil { state.last[name] = now }
                return state.last
            }
        }

        func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool {
            state.withLock { state in
                if state.last[schedule.name, default: 0] >= instant { return false }
                state.last[schedule.name] = instant
                state.fires.append((instant, enqueues))
                return true
            }
        }
    }

    private func schedule(_ cron: String, catchUp: Bool = true) throws -> Schedule {
        try Schedule(
            name: "s", cron: cron, zone: #require(ScheduleZone("Asia/Shanghai")), kind: "k", catchUp: catchUp)
    }

    @Test func oneFireATickHoweverManyRun() async throws {
        let ledger = Ledger()
        let clock = Lock(Clock.utc("2026-03-01T00:00"))
        let logger = Logger(label: "test")
        let services = try (0..<3).map { _ in
            Scheduler(
                schedules: [try schedule("*/10 * * * *")], ledger: ledger, now: { clock.withLock { $0 } },
                logger: logger)
        }
        var known: [[String: Int]] = [[:], [:], [:]]
        // The clock steps forward, and once back.
        for step in [0, 60, 540, 1, 599, 1, -700, 700, 600] {
            clock.withLock { $0 += step * 1000 }
            for index in 0..<3 { await services[index].step(&known[index]) }
        }
        let fires = ledger.state.withLock { $0.fires.map(\.0) }
        #expect(fires == ["2026-03-01T00:10", "2026-03-01T00:20", "2026-03-01T00:30"].map(Clock.utc))
    }

    @Test func missedTimesFireOnceOrAreSkipped() throws {
        let last = Clock.utc("2026-03-01T00:00")
        let now = Clock.utc("2026-03-09T07:05")
        let daily = try #require(ScheduleTick(schedule("0 9 * * *"), last: last, now: now))
        #expect(daily.fireAt == Clock.utc("2026-03-09T01:00") && daily.enqueues)
        let skipping = try #require(ScheduleTick(schedule("0 9 * * *", catchUp: false), last: last, now: now))
        #expect(skipping.fireAt == daily.fireAt && !skipping.enqueues)
        let onTime = try #require(
            ScheduleTick(schedule("5 15 * * *", catchUp: false), last: last, now: now + 2000))
        #expect(onTime.fireAt == now && onTime.enqueues)
        let minutely = try #require(ScheduleTick(schedule("* * * * *"), last: last, now: now))
        #expect(minutely.fireAt == now)
        #expect(try ScheduleTick(schedule("0 9 1 6 *"), last: last, now: now) == nil)
    }

    @Test func seenForTheFirstTimeNothingIsMissed() async throws {
        let ledger = Ledger()
        let scheduler = Scheduler(
            schedules: [try schedule("* * * * *")], ledger: ledger, now: { Clock.utc("2026-03-01T00:00") + 1 },
            logger: Logger(label: "test"))
        var known: [String: Int] = [:]
        await scheduler.step(&known)
        #expect(ledger.state.withLock { $0.fires.isEmpty })
    }
}
