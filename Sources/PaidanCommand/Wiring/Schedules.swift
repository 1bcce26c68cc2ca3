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

    /// The schedules that this program can run; the others are named in the log and wait for one that can.
    func runnableSchedules(_ kinds: KindRegistry, _ logger: Logger) -> [Jobs.Schedule] {
        allSchedules.filter { schedule in
            guard let problem = schedule.problem(in: kinds) else { return true }
            logger.warning(
                "schedule left out", metadata: ["schedule": "\(schedule.name)", "why": "\(problem.message)"])
            return false
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
