/// The schedules as they are shown.
public struct ScheduleBoard: Sendable {
    private let schedules: @Sendable () -> [Schedule]
    private let kinds: KindRegistry
    private let ledger: any ScheduleLedger

    /// - Parameter schedules: all that are configured at the moment, those that cannot run too.
    public init(schedules: @escaping @Sendable () -> [Schedule], kinds: KindRegistry, ledger: any ScheduleLedger) {
        self.schedules = schedules
        self.kinds = kinds
        self.ledger = ledger
    }

    /// By name.
    public func list() async throws -> [ScheduleView] {
        let schedules = schedules().sorted { $0.name < $1.name }
        let now = try await ledger.now()
        let last = try await ledger.lastFires(of: schedules.map(\.name))
        return schedules.map { schedule in
            ScheduleView(
                schedule: schedule, problem: schedule.problem(in: kinds), lastFireAt: last[schedule.name],
                nextFireAt: schedule.cron.next(after: now, in: schedule.zone))
        }
    }

    /// - Returns: `nil` if there is no such schedule.
    public subscript(name: String) -> (schedule: Schedule, problem: ScheduleProblem?)? {
        schedules().first { $0.name == name }.map { ($0, $0.problem(in: kinds)) }
    }
}

/// One schedule as it is shown. Times are milliseconds since 1970.
public struct ScheduleView: Sendable {
    public var schedule: Schedule
    public var problem: ScheduleProblem?
    /// `nil`: never yet.
    public var lastFireAt: Int?
    /// By its expression; `nil`: never.
    public var nextFireAt: Int?
}
