import API
import Jobs
import JobsPostgres
import Logging

extension JobsConf {
    /// All schedules of a checked configuration, those that cannot run too.
    var allSchedules: [Jobs.Schedule] {
        schedules.compactMap { entry in
            guard let zone = ScheduleZone(entry.timezone) else { return nil }
            return try? Jobs.Schedule(
                name: entry.name, cron: entry.cron, zone: zone, kind: entry.kind, args: Array(entry.args.utf8),
                catchUp: entry.catchUp)
        }
    }

    /// The schedules that this program can run; the others wait for one that can.
    func runnableSchedules(_ kinds: KindRegistry) -> [Jobs.Schedule] {
        allSchedules.filter { $0.problem(in: kinds) == nil }
    }

    /// Names the schedules that this program cannot run.
    func warnOfSchedules(_ kinds: KindRegistry, _ logger: Logger) {
        for schedule in allSchedules {
            guard let problem = schedule.problem(in: kinds) else { continue }
            logger.warning(
                "schedule left out", metadata: ["schedule": "\(schedule.name)", "why": "\(problem.message)"])
        }
    }
}

extension Composition {
    var schedulesAPI: SchedulesAPI {
        SchedulesAPI(
            board: ScheduleBoard(
                schedules: { [live] in live.schedules }, kinds: kinds, ledger: PostgresScheduleLedger(pool: pool)),
            form: jobForm)
    }
}
