import Logging
import OwnerThread
import TestSupport
import Testing

@testable import Jobs

@Suite struct SchedulerTests {
    /// A ledger in memory; its clock is moved by hand.
    final class Ledger: ScheduleLedger {
        struct State {
            var now = Clock.utc("2026-03-01T00:00")
            var began: [String: (cron: String, at: Int)] = [:]
            var fires: [(name: String, at: Int, enqueues: Bool)] = []
            /// Names whose fires cannot be written.
            var broken: Set<String> = []
            var begins = 0
        }
        struct Broken: Error {}

        let state = Lock(State())

        func now() async throws -> Int { state.withLock { $0.now } }

        func begin(_ schedules: [Schedule], now: Int) async throws -> [String: Int] {
            state.withLock { state in
                state.begins += 1
                var last: [String: Int] = [:]
                for schedule in schedules {
                    let begin = state.began[schedule.name]
                    if begin?.cron != schedule.expression || begin?.at ?? 0 > now {
                        state.began[schedule.name] = (schedule.expression, now)
                    }
                    let fires = state.fires.filter { $0.name == schedule.name && $0.at <= now }.map(\.at)
                    last[schedule.name] = max(state.began[schedule.name]?.at ?? now, fires.max() ?? 0)
                }
                return last
            }
        }

        func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool {
            try state.withLock { state in
                if state.broken.contains(schedule.name) { throw Broken() }
                if state.fires.contains(where: { $0.name == schedule.name && $0.at == instant }) { return false }
                state.fires.append((schedule.name, instant, enqueues))
                return true
            }
        }

        func lastFires(of names: [String]) async throws -> [String: Int] { [:] }

        func move(_ seconds: Int) { state.withLock { $0.now += seconds * 1000 } }
        var fires: [Int] { state.withLock { $0.fires.map(\.at) } }
        var names: [String] { state.withLock { $0.fires.map(\.name) } }
    }

    private func scheduler(_ ledger: Ledger, _ schedules: Schedule...) -> Scheduler {
        Scheduler(schedules: ScheduleList(schedules), ledger: ledger, logger: Logger(label: "test"))
    }

    private func schedule(_ cron: String, name: String = "s", catchUp: Bool = true) throws -> Schedule {
        try Schedule(
            name: name, cron: cron, zone: #require(ScheduleZone("Asia/Shanghai")), kind: "k", catchUp: catchUp)
    }

    @Test func oneFireATickHoweverManyRun() async throws {
        let ledger = Ledger()
        let services = try (0..<3).map { _ in scheduler(ledger, try schedule("*/10 * * * *")) }
        var agendas: [ScheduleAgenda?] = [nil, nil, nil]
        // The clock steps forward, and once back.
        for step in [0, 60, 540, 1, 599, 1, -700, 700, 600] {
            ledger.move(step)
            for index in 0..<3 { try await services[index].step(&agendas[index]) }
        }
        #expect(ledger.fires == ["2026-03-01T00:10", "2026-03-01T00:20", "2026-03-01T00:30"].map(Clock.utc))
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
        let list = ScheduleList([try schedule("0 0 1 1 *")])
        let scheduler = Scheduler(schedules: list, ledger: ledger, logger: Logger(label: "test"))
        var agenda: ScheduleAgenda?
        func look(after minutes: Int) async throws {
            ledger.move(minutes * 60)
            try await scheduler.step(&agenda)
        }
        try await look(after: 0)
        // Other times count from the change: what they would have been before was never due.
        list.replace([try schedule("*/10 * * * *")])
        try await look(after: 35)
        #expect(ledger.fires == [])
        try await look(after: 5)
        #expect(ledger.fires == [Clock.utc("2026-03-01T00:40")])
        // The same times: what is due stays due, and is fired once.
        list.replace([try schedule("*/10 * * * *", catchUp: false)])
        try await look(after: 10)
        try await look(after: 0)
        #expect(ledger.fires == ["2026-03-01T00:40", "2026-03-01T00:50"].map(Clock.utc))
        // Gone, it fires no more.
        list.replace([])
        try await look(after: 75)
        #expect(ledger.fires.count == 2)
    }

    @Test func seenForTheFirstTimeNothingIsMissed() async throws {
        let ledger = Ledger()
        var agenda: ScheduleAgenda?
        ledger.move(1)
        try await scheduler(ledger, try schedule("* * * * *")).step(&agenda)
        #expect(ledger.fires.isEmpty)
    }

    @Test func anEditedScheduleHasMissedNothing() async throws {
        let ledger = Ledger()
        var agenda: ScheduleAgenda?
        try await scheduler(ledger, try schedule("0 8 * * *")).step(&agenda)
        ledger.move(9 * 3600)
        // 17:00 now. What 0 8 missed is nobody's any more, and 0 12 was not there at noon.
        let edited = scheduler(ledger, try schedule("0 12 * * *"))
        try await edited.step(&agenda)
        #expect(ledger.fires.isEmpty)
        ledger.move(19 * 3600)
        try await edited.step(&agenda)
        #expect(ledger.fires == [Clock.utc("2026-03-02T04:00")])
    }

    /// A clock that ran a year ahead and was set back must not silence a schedule for a year.
    @Test func aClockThatRanAheadSilencesNothing() async throws {
        let ledger = Ledger()
        let scheduler = scheduler(ledger, try schedule("0 9 * * *"))
        var agenda: ScheduleAgenda?
        try await scheduler.step(&agenda)
        ledger.move(365 * 86_400)
        try await scheduler.step(&agenda)
        #expect(ledger.fires == [Clock.utc("2027-02-28T01:00")])
        ledger.move(-365 * 86_400)
        try await scheduler.step(&agenda)
        ledger.move(3600)
        try await scheduler.step(&agenda)
        #expect(ledger.fires.last == Clock.utc("2026-03-01T01:00"))
        // A process that starts now sees the same.
        agenda = nil
        ledger.move(86_400)
        try await scheduler.step(&agenda)
        #expect(ledger.fires.last == Clock.utc("2026-03-02T01:00") && ledger.fires.count == 3)
    }

    @Test func oneThatCannotBeWrittenHoldsUpNoOther() async throws {
        let ledger = Ledger()
        ledger.state.withLock { $0.broken = ["a"] }
        let scheduler = scheduler(
            ledger, try schedule("* * * * *", name: "a"), try schedule("* * * * *", name: "b"),
            try schedule("* * * * *", name: "c"))
        var agenda: ScheduleAgenda?
        try await scheduler.step(&agenda)
        ledger.move(60)
        await #expect(throws: Ledger.Broken.self) { try await scheduler.step(&agenda) }
        await #expect(throws: Ledger.Broken.self) { try await scheduler.step(&agenda) }
        #expect(ledger.names == ["b", "c"])
        ledger.state.withLock { $0.broken = [] }
        try await scheduler.step(&agenda)
        #expect(ledger.names == ["b", "c", "a"])
        // The ledger was not asked again where each stands.
        #expect(ledger.state.withLock { $0.begins } == 1)
    }

    /// 200 schedules that are not due: a look costs a comparison each.
    @Test func manySchedulesCostNothing() async throws {
        let schedules = try (0..<200).map { try schedule("\($0 % 60) \($0 % 24) 29 2 *", name: "s\($0)") }
        let now = Clock.utc("2026-03-01T00:00")
        var agenda = ScheduleAgenda(
            schedules, last: Dictionary(uniqueKeysWithValues: schedules.map { ($0.name, now) }), now: now)
        let watch = Stopwatch()
        for second in 1...100 { #expect(agenda.due(at: now + second * 1000).isEmpty) }
        #expect(watch.granted < .milliseconds(500))
    }
}
