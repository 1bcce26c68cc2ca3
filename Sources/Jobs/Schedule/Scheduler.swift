internal import AsyncAlgorithms
public import Logging
internal import Metrics
public import ServiceLifecycle

/// Fires schedules. Any number of processes may run it; there is no leader, the ledger decides who was first.
public struct Scheduler: Service {
    let schedules: ScheduleList
    let ledger: any ScheduleLedger
    let interval: Duration
    let logger: Logger
    private let lag = Timer(label: ScheduleMetricName.lag)

    /// - Parameters:
    ///   - schedules: may change while it runs.
    ///   - interval: between two looks; a fire is late by at most this and the ledger's time. Default 1 s.
    public init(
        schedules: ScheduleList, ledger: any ScheduleLedger, interval: Duration = .seconds(1), logger: Logger
    ) {
        self.schedules = schedules
        self.ledger = ledger
        self.interval = interval
        self.logger = logger
    }

    public func run() async throws {
        let every = AsyncTimerSequence(interval: interval, clock: .continuous).cancelOnGracefulShutdown()
        var agenda: ScheduleAgenda?
        var isWaiting = false
        for await _ in every {
            do {
                try await step(&agenda)
                if isWaiting { logger.notice("schedules go on") }
                isWaiting = false
            } catch {
                // Nothing is lost, the time stays due. Said once, not every second.
                if !isWaiting {
                    logger.warning(
                        "schedules wait for their ledger", metadata: ["trouble": "postgresql", "error": "\(error)"])
                }
                isWaiting = true
            }
        }
    }

    /// One look at the clock.
    ///
    /// - Parameter agenda: what is known; `nil` makes it ask the ledger.
    func step(_ agenda: inout ScheduleAgenda?) async throws {
        let schedules = schedules.all
        if schedules.isEmpty, agenda?.isEmpty == true { return }
        let now = try await ledger.now()
        var known: ScheduleAgenda
        if let agenda, agenda.holds(for: schedules, now: now) {
            known = agenda
        } else {
            known = ScheduleAgenda(schedules, last: try await ledger.begin(schedules, now: now), now: now)
        }
        defer { agenda = known }
        for (schedule, tick) in known.due(at: now) {
            do {
                let isFirst = try await ledger.fire(schedule, at: tick.fireAt, enqueues: tick.enqueues)
                known.fired(schedule.name, at: tick.fireAt)
                if isFirst { report(schedule, tick, late: now - tick.fireAt) }
            } catch {
                known.failed(schedule.name)
                throw error
            }
        }
    }

    private func report(_ schedule: Schedule, _ tick: ScheduleTick, late: Int) {
        if tick.enqueues {
            lag.recordMilliseconds(late)
            Counter(label: ScheduleMetricName.fires, dimensions: [("schedule", schedule.name)]).increment()
        }
        logger.info(
            tick.enqueues ? "schedule fired" : "missed time skipped",
            metadata: ["schedule": "\(schedule.name)", "late_ms": "\(late)"])
    }
}

/// Names of the scheduler's metrics.
public enum ScheduleMetricName {
    /// From the time of a fire to its writing.
    public static let lag = "paidan_schedule_lag_seconds"
    /// Fires that enqueued a job, by `schedule`; each is counted by the process that wrote it.
    public static let fires = "paidan_schedule_fires_total"
}
