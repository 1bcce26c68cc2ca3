internal import OwnerThread

/// The schedules that there are now; they may change while a ``Scheduler`` runs.
public final class ScheduleList: Sendable {
    struct Entry {
        var schedule: Schedule
        /// When it came or got other times while this process ran, milliseconds since 1970: it has missed nothing before.
        var since: Int?
    }

    private let state: Lock<[Entry]>

    public init(_ schedules: [Schedule]) { state = Lock(schedules.map { Entry(schedule: $0, since: nil) }) }

    public var all: [Schedule] { entries.map(\.schedule) }
    var entries: [Entry] { state.withLock { $0 } }

    /// Other schedules from now on. What was due by the old ones and is not fired yet stays due if its times stay.
    ///
    /// - Parameter now: wall clock, milliseconds since 1970.
    public func replace(_ schedules: [Schedule], now: Int) {
        state.withLock { entries in
            let before = Dictionary(entries.map { ($0.schedule.name, $0) }) { first, _ in first }
            entries = schedules.map { schedule in
                guard let old = before[schedule.name], old.schedule.expression == schedule.expression,
                    old.schedule.zone == schedule.zone
                else { return Entry(schedule: schedule, since: now) }
                return Entry(schedule: schedule, since: old.since)
            }
        }
    }
}
