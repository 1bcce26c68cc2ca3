import Foundation
import Glibc
import Postgres
import Testing

@Suite("Command line: schedules") struct ScheduleTests {
    private static let conf = """
        [schedules.minutely]
        cron = "* * * * *"
        kind = "noop"
        [schedules.later]
        cron = "@daily"
        kind = "survey.open"
        [schedules."bad args"]
        cron = "* * * * *"
        kind = "customer.assign"
        """

    @Test("listed with their times; those that cannot run are named")
    func list() async throws {
        try await Installation.with(conf: Self.conf) { here in
            var ran = try await here.run("schedule", "list", "--json")
            #expect(ran.code == 0 && ran.err.isEmpty, "\(ran)")
            #expect(ran.items.map { $0["name"] as? String } == ["bad args", "later", "minutely"])
            let minutely = try #require(ran.items.last)
            #expect(minutely["kind"] as? String == "noop" && minutely["cron"] as? String == "* * * * *")
            #expect(minutely["timezone"] as? String == "Asia/Shanghai" && minutely["last_fire_at"] is NSNull)
            #expect((minutely["next_fire_at"] as? String)?.hasSuffix(":00.000+08:00") == true)
            ran = try await here.run("schedule", "list")
            #expect(ran.code == 0 && ran.lines.count == 4, "\(ran)")
            #expect(ran.err.contains("later does not run: this program does not have its kind survey.open"))
            #expect(ran.err.contains("bad args does not run: its kind does not take its args"))
            ran = try await here.run("doctor")
            #expect(ran.code == 0, "\(ran)")
            for name in ["later", "bad args"] {
                #expect(ran.lines.contains { $0.hasPrefix("warn  schedule \(name): it does not run") }, "\(ran.out)")
            }
            #expect(!ran.out.contains("schedule minutely") && !ran.out.contains("time zone data"), "\(ran.out)")
        }
    }

    @Test("run enqueues the job now and prints it")
    func run() async throws {
        try await Installation.with(conf: Self.conf) { here in
            var ran = try await here.run("schedule", "run", "minutely", "--json")
            #expect(ran.code == 0, "\(ran)")
            let id = try #require(ran.object["id"] as? String)
            #expect(ran.object["kind"] as? String == "noop" && ran.object["state"] as? String == "queued")
            #expect(try await here.run("jobs", "show", id).code == 0)
            ran = try await here.run("schedule", "run", "minutely")
            #expect(ran.code == 0 && ran.out.contains("noop  queued"), "\(ran)")
            ran = try await here.run("schedule", "run", "hourly")
            #expect(ran.code == 2 && ran.err.contains("There is no schedule hourly"), "\(ran)")
            ran = try await here.run("schedule", "run", "later")
            #expect(ran.code == 2 && ran.err.contains("survey.open"), "\(ran)")
        }
    }

    /// The clock is PostgreSQL's: it is moved to just before each due time. One of three processes is killed at that
    /// very moment, another one starts meanwhile.
    @Test("three processes, some killed: each due time fires once, at most 3 s late; what cannot run does nothing")
    func threeProcesses() async throws {
        try await Installation.with(conf: Self.conf) { here in
            // Near the real time: fires of two months ago are pruned.
            let start = try await here.query(
                "SELECT extract(epoch FROM date_trunc('hour', pg_catalog.now()))::bigint + 7200")[0].int(0)
            _ = try await here.query("ALTER DATABASE \(raw: try await here.database) SET paidan.test_clock = 'on'")
            try await here.setClock(to: "to_timestamp(\(start)) - interval '20 s'")
            var served: [Served] = []
            for _ in 0..<3 { served.append(try await Served.start(here, roles: "scheduler")) }
            try await eventually("all schedules have begun") {
                try await here.query("SELECT FROM paidan.schedule").count == 1
            }
            for minute in 0..<5 {
                try await here.setClock(to: "to_timestamp(\(start + minute * 60)) - interval '0.5 s'")
                if minute > 0 {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 300...700)))
                    served.removeFirst().send(SIGKILL)
                }
                try await eventually("minute \(minute) has fired") {
                    try await here.query("SELECT FROM paidan.schedule_run").count == minute + 1
                }
                let late = try await here.query(
                    """
                    SELECT extract(epoch FROM created_at - pg_catalog.now() + paidan.now() - fire_at)::float8
                    FROM paidan.schedule_run ORDER BY fire_at DESC LIMIT 1
                    """)[0].double(0)
                #expect(late < 3, "minute \(minute) fired \(late) s late")
                if minute > 0 { served.append(try await Served.start(here, roles: "scheduler")) }
            }
            let rows = try await here.query(
                """
                SELECT count(*), count(DISTINCT fire_at), count(DISTINCT o.id),
                    count(*) FILTER (WHERE fire_at BETWEEN to_timestamp(\(start)) AND to_timestamp(\(start + 240)))
                FROM paidan.schedule_run r FULL JOIN paidan.outbox o ON o.id::text = r.job_id
                """)[0]
            for column in 0..<4 { #expect(try rows.int(column) == 5) }
            for process in served {
                let text = process.text
                #expect(text.components(separatedBy: "schedule left out").count == 3, "once for each: \(text)")
                try await process.stop()
            }
        }
    }
}

extension Installation {
    /// The name of its database.
    fileprivate var database: String {
        get async throws { try await query("SELECT current_database()")[0].text(0) }
    }

    fileprivate func setClock(to time: String) async throws {
        _ = try await query(
            """
            INSERT INTO paidan.setting (name, value) VALUES ('clock_offset', (\(raw: time) - pg_catalog.now())::text)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }
}
