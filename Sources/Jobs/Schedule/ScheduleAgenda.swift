/// What a scheduler knows of its schedules: from when on due times count, and when each is due next. A value, no I/O.
struct ScheduleAgenda: Sendable {
    private struct Entry: Sendable {
        let schedule: Schedule
        var last: Int
        /// `nil`: never.
        var next: Int?
        /// In a row; who fails goes last, so that one that cannot be written holds up no other.
        var failures = 0
    }

    /// As they were given.
    private let schedules: [Schedule]
    private var entries: [Entry]
    /// When it was last looked at.
    private var seen: Int

    /// - Parameter last: by name, from when on due times count; schedules that are not in it never fire.
    init(_ schedules: [Schedule], last: [String: Int], now: Int) {
        self.schedules = schedules
        entries = schedules.compactMap { schedule in
            last[schedule.name].map {
                Entry(schedule: schedule, last: $0, next: schedule.cron.next(after: $0, in: schedule.zone))
            }
        }
        seen = now
    }

    var isEmpty: Bool { entries.isEmpty }

    /// False if another agenda is needed: the schedules are others, or the clock was set back.
    func holds(for schedules: [Schedule], now: Int) -> Bool {
        now >= seen && self.schedules == schedules
    }

    /// What is due, the longest due first.
    mutating func due(at now: Int) -> [(schedule: Schedule, tick: ScheduleTick)] {
        seen = now
        return
            entries.filter { $0.next.map { $0 <= now } ?? false }
            .sorted { ($0.failures, $0.next ?? 0, $0.schedule.name) < ($1.failures, $1.next ?? 0, $1.schedule.name) }
            .compactMap { entry in
                ScheduleTick(entry.schedule, last: entry.last, now: now).map { (entry.schedule, $0) }
            }
    }

    /// The fire is in the ledger, whoever wrote it.
    mutating func fired(_ name: String, at instant: Int) {
        change(name) { entry in
            entry.last = instant
            entry.next = entry.schedule.cron.next(after: instant, in: entry.schedule.zone)
            entry.failures = 0
        }
    }

    mutating func failed(_ name: String) { change(name) { $0.failures += 1 } }

    private mutating func change(_ name: String, _ body: (inout Entry) -> Void) {
        for index in entries.indices where entries[index].schedule.name == name { body(&entries[index]) }
    }
}
