internal import AsyncAlgorithms
public import Logging
internal import Metrics
public import ServiceLifecycle

/// Fires schedules. Any number of processes may run it; there is no leader, the ledger decides who was first.
public struct Scheduler: Service {
    let schedules: [Schedule]
    let ledger: any ScheduleLedger
    let now: @Sendable () -> Int
    let interval: Duration
    let logger: Logger
    private let lag = Timer(label: ScheduleMetricName.lag)

    /// - Parameters:
    ///   - now: wall clock, milliseconds since 1970.
    ///   - interval: between two looks; a fire is late by at most this and the ledger's time. Default 1 s.
    public init(
        schedules: [Schedule], ledger: any ScheduleLedger, now: @escaping @Sendable () -> Int,
        interval: Duration = .seconds(1), logger: Logger
    ) {
        self.schedules = schedules
        self.ledger = ledger
        self.now = now
        self.interval = interval
        self.logger = logger
    }

    public func run() async throws {
        let every = AsyncTimerSequence(interval: interval, clock: .continuous).cancelOnGracefulShutdown()
        var known: [String: Int] = [:]
        for await _ in every { await step(&known) }
    }

    /// - Parameter known: last fires; empty makes it ask the ledger.
    func step(_ known: inout [String: Int]) async {
        let time = now()
        do {
            if known.count < schedules.count {
                known = try await ledger.lastFires(of: schedules.map(\.name), now: time)
            }
            for schedule in schedules {
                guard let last = known[schedule.name], let tick = ScheduleTick(schedule, last: last, now: time) else {
                    continue
                }
                let isFirst = try await ledger.fire(schedule, at: tick.fireAt, enqueues: tick.enqueues)
                known[schedule.name] = tick.fireAt
                guard isFirst else { continue }
                lag.recordMilliseconds(max(0, time - tick.fireAt))
                logger.info(
                    tick.enqueues ? "schedule fired" : "missed time skipped",
                    metadata: ["schedule": "\(schedule.name)", "late_ms": "\(time - tick.fireAt)"])
            }
        } catch {
            // Ask again what has been fired; nothing is lost, the time stays due.
            known = [:]
            logger.warning("schedules wait for their ledger", metadata: ["trouble": "postgresql", "error": "\(error)"])
        }
    }
}

/// Names of the scheduler's metrics.
public enum ScheduleMetricName {
    /// From the time of a fire to its writing.
    public static let lag = "paidan_schedule_lag_seconds"
}
