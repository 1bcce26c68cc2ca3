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

    @Test func schedulesThatComeChangeAndGoWhileItRuns() async throws {
        let ledger = Ledger()
        let clock = Lock(Clock.utc("2026-03-01T00:00"))
        func at(_ text: String) { clock.withLock { $0 = Clock.utc(text) } }
        let list = ScheduleList([try schedule("0 0 1 1 *")])
        let scheduler = Scheduler(
            schedules: list, ledger: ledger, now: { clock.withLock { $0 } }, logger: Logger(label: "test"))
        func fires() -> [Int] { ledger.state.withLock { $0.fires.map(\.0) } }
        var known: [String: Int] = [:]
        await scheduler.step(&known)
        // Other times count from the change: what they would have been before was never due.
        at("2026-03-01T00:35")
        list.replace([try schedule("*/10 * * * *")], now: Clock.utc("2026-03-01T00:35"))
        await scheduler.step(&known)
        #expect(fires() == [])
        at("2026-03-01T00:40")
        await scheduler.step(&known)
        #expect(fires() == [Clock.utc("2026-03-01T00:40")])
        // The same times: what is due stays due, and is fired once.
        at("2026-03-01T00:50")
        list.replace([try schedule("*/10 * * * *", catchUp: false)], now: Clock.utc("2026-03-01T00:50"))
        await scheduler.step(&known)
        await scheduler.step(&known)
        #expect(fires().suffix(1) == [Clock.utc("2026-03-01T00:50")] && fires().count == 2)
        // Gone, it fires no more; back, it has missed nothing.
        list.replace([], now: Clock.utc("2026-03-01T00:55"))
        at("2026-03-01T02:05")
        await scheduler.step(&known)
        list.replace([try schedule("*/10 * * * *")], now: Clock.utc("2026-03-01T02:05"))
        await scheduler.step(&known)
        #expect(fires().count == 2)
        at("2026-03-01T02:10")
        await scheduler.step(&known)
        #expect(fires().suffix(1) == [Clock.utc("2026-03-01T02:10")])
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
