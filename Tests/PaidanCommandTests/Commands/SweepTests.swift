import CRM
import Postgres
import TestSupport
import Testing

@Suite("Command line: sweep and calendar") struct SweepTests {
    /// One customer that is due on 2018-05-23, and a clock.
    private func prepare(_ here: Installation, now: String) async throws {
        _ = try await here.query(
            """
            INSERT INTO paidan.setting (name, value) VALUES ('clock_offset', (\(now)::timestamptz - pg_catalog.now())::text)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
        _ = try await PostgresPool.with(here.conninfo) { pool in
            try await pool.transaction { tx in
                Author.set("test", in: &tx)
                try tx.run(
                    script: """
                        INSERT INTO crm_userinfo (id, name, username, depart_id) VALUES (1, '李一', 'liyi', 1001);
                        INSERT INTO crm_customer (id, qq, name, consultant_id, recv_date, last_consult_date)
                            VALUES (7, '10007', '张三', 1, '2018-05-19', '2018-05-19');
                        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime) VALUES (1, 7, '2018-05-19');
                        """)
            }
        }
    }

    private func state(_ here: Installation) async throws -> String {
        try await here.query("SELECT concat_ws(' ', pool_state, pool_since) FROM crm_customer")[0].text(0)
    }

    @Test("on a host in UTC, at 16:30 of the day before, the sweep is of the business's day")
    func hostInUTC() async throws {
        try await Installation.with { here in
            try await prepare(here, now: "2018-05-22T16:30:00Z")
            let utc = ["TZ": "UTC"]
            let served = try await Served.start(here, roles: "worker", environment: utc)
            let ran = try await Installation.run(
                ["sweep", "--json", "--wait", "30s"], environment: utc, folder: here.folder)
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.out.contains(#""result":{"as_of":"2018-05-23","3":1,"4":0}"#), "\(ran.out)")
            #expect(try await state(here) == "public 2018-05-23")
            try await served.stop()
        }
    }

    @Test("an hour earlier it is not")
    func hostInUTCBefore() async throws {
        try await Installation.with { here in
            try await prepare(here, now: "2018-05-22T15:59:00Z")
            let served = try await Served.start(here, roles: "worker", environment: ["TZ": "UTC"])
            let ran = try await here.run("sweep", "--wait", "30s", environment: ["TZ": "UTC"])
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.out.contains(#"{"as_of":"2018-05-22","3":0,"4":0}"#), "\(ran.out)")
            #expect(try await state(here) == "private")
            try await served.stop()
        }
    }

    @Test("a forecast changes nothing and needs no worker")
    func forecast() async throws {
        try await Installation.with { here in
            try await prepare(here, now: "2018-05-20T02:00:00Z")
            var ran = try await here.run("sweep", "--dry-run", "--as-of", "2018-05-23", "--json")
            #expect(ran.code == 0, "\(ran)")
            #expect(
                ran.out
                    == #"{"as_of":"2018-05-23","counts":{"3":1,"4":0},"items":[{"customer_id":"7","user_id":"1","status":3,"ended_on":"2018-05-23"}]}"#
                    + "\n")
            ran = try await here.run("sweep", "--dry-run", "--as-of", "2018-05-23")
            #expect(ran.lines.count == 2)
            #expect(ran.lines.last?.split(separator: " ").map(String.init) == ["7", "1", "3", "2018-05-23"])
            #expect(ran.err.contains("1 customers would go: 1 not followed up (3), 0 without a deal (4)"))
            #expect(try await state(here) == "private")
        }
    }

    @Test("a day to come is refused, a wrong one is usage; without a worker it says that it waited")
    func refused() async throws {
        try await Installation.with { here in
            var ran = try await here.run("sweep", "--as-of", "2999-01-01")
            #expect(ran.code == 2 && ran.err.contains("after today"), "\(ran)")
            ran = try await here.run("sweep", "--as-of", "2026-02-30")
            #expect(ran.code == 64, "\(ran)")
            ran = try await here.run("sweep", "--wait", "100ms")
            #expect(ran.code == 1 && ran.err.contains("still queued"), "\(ran)")
        }
    }

    @Test("a calendar is taken over whole or not at all; doctor wants it to reach two months ahead")
    func calendar() async throws {
        try await Installation.with(conf: "[expiry]\nclock = \"workday\"") { here in
            func level() async throws -> String? {
                let ran = try await here.run("doctor", "--json")
                return ran.items.first { $0["what"] as? String == "work calendar" }?["level"] as? String
            }
            let served = try await Served.start(here)
            #expect(try await here.query("SELECT paidan.setting('clock', '')")[0].text(0) == "workday")
            try await served.stop()
            #expect(try await level() == "warn")
            let end = try await here.query("SELECT paidan.today() + 60")[0].text(0)
            try here.write("date,is_workday\n2026-01-01,0\n\(end),1\n", to: "days.csv")
            var ran = try await here.run("calendar", "import", "days.csv")
            #expect(ran.code == 0 && ran.out == "2 days from 2026-01-01 to \(end), 2 of them changed\n", "\(ran)")
            #expect(try await level() == "ok")
            try here.write("2026-01-02,0\nsoon,1\n2026-01-03,perhaps\n", to: "bad.csv")
            ran = try await here.run("calendar", "import", "bad.csv")
            #expect(ran.code == 2, "\(ran)")
            #expect(ran.err.contains("line 2:") && ran.err.contains("line 3:"), "\(ran)")
            #expect(try await here.query("SELECT FROM paidan.work_calendar").count == 2)
            ran = try await here.run("calendar", "import", "nowhere.csv")
            #expect(ran.code == 2, "\(ran)")
            try here.write("2026-01-02,0\n", to: "more.csv")
            ran = try await here.run("calendar", "import", "more.csv", "--json")
            #expect(ran.out == #"{"changed":1,"days":1,"first":"2026-01-02","last":"2026-01-02"}"# + "\n")
        }
        try await Installation.with { here in
            let ran = try await here.run("doctor", "--json")
            #expect(!ran.items.contains { $0["what"] as? String == "work calendar" }, "\(ran.out)")
        }
    }

    @Test("the shipped schedules all run")
    func schedules() async throws {
        let conf = """
            [schedules.expiry-sweep]
            cron = "5 0 * * *"
            kind = "pool.sweep"
            [schedules.expiry-reminder]
            cron = "0 9 * * *"
            kind = "pool.remind"
            [schedules.expiry-escalation]
            cron = "0 17 * * *"
            kind = "pool.remind"
            args = '{"escalate": true}'
            """
        try await Installation.with(conf: conf) { here in
            let ran = try await here.run("doctor")
            #expect(ran.out.contains("ok    schedules: 3, all can run"), "\(ran.out)")
        }
    }
}
