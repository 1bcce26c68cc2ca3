import Jobs
import Postgres

/// Schedules: which cannot run or never fire, and whether this program and PostgreSQL have the same time zone data.
struct ScheduleExamination {
    let composition: Composition

    func findings() async -> [Finding] {
        let schedules = composition.conf.allSchedules
        var findings: [Finding] = []
        for schedule in schedules {
            if let problem = schedule.problem(in: composition.kinds) {
                findings.append(
                    Finding(.warn, "schedule \(schedule.name)", "it does not run: \(problem.message)"))
            } else if schedule.cron.next(after: WallClock.milliseconds(), in: schedule.zone) == nil {
                findings.append(
                    Finding(.warn, "schedule \(schedule.name)", "\(schedule.expression) never comes; mend its cron"))
            }
        }
        if findings.isEmpty { findings.append(Finding(.ok, "schedules", "\(schedules.count), all can run")) }
        // PostgreSQL that does not answer has a line of its own.
        if let zones = try? await zones() { findings += zones }
        return findings
    }

    /// Compares the offsets of each zone for two years.
    private func zones() async throws -> [Finding] {
        let names = Set(composition.conf.schedules.map(\.timezone) + [composition.conf.timezone]).sorted()
        let rows = try await composition.pool.query(
            """
            SELECT z.name, floor(extract(epoch FROM moment))::bigint,
                extract(epoch FROM (moment AT TIME ZONE z.name) - (moment AT TIME ZONE 'UTC'))::int
            FROM (SELECT name FROM pg_timezone_names WHERE name = ANY (\(names)::text[])) AS z,
                generate_series(now(), now() + interval '2 years', interval '5 days') AS moment
            """)
        var different: Set<String> = []
        for row in rows {
            let name = try row.text(0)
            let offset = WallClock.offset(in: name)(Int64(try row.int(1)) * 1000)
            if try offset != row.int(2) { different.insert(name) }
        }
        return different.sorted().map { name in
            Finding(
                .warn, "time zone data",
                "this program and PostgreSQL differ about \(name) within two years; bring both up to date")
        }
    }
}
