internal import OwnerThread

/// The schedules that there are now; they may change while a ``Scheduler`` runs.
public final class ScheduleList: Sendable {
    private let state: Lock<[Schedule]>

    public init(_ schedules: [Schedule]) { state = Lock(schedules) }

    public var all: [Schedule] { state.withLock { $0 } }

    /// Other schedules from now on. The ledger tells what each of them has missed: a new or edited one, nothing.
    public func replace(_ schedules: [Schedule]) { state.withLock { $0 = schedules } }
}
