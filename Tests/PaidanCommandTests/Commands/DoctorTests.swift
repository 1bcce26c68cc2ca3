import Postgres
import TestSupport
import Testing

@Suite("Command line: doctor") struct DoctorTests {
    private static let safe = ["--appendonly", "yes", "--appendfsync", "always"]

    private func level(_ ran: Installation.Ran, _ what: String) -> String? {
        ran.items.first { $0["what"] as? String == what }?["level"] as? String
    }

    @Test("all is well: one line each, exit 0")
    func well() async throws {
        try await Installation.with(redis: Self.safe) { here in
            var ran = try await here.run("doctor")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.err.isEmpty)
            #expect(ran.lines.allSatisfy { $0.hasPrefix("ok  ") || $0.hasPrefix("warn  ") }, "\(ran.out)")
            ran = try await here.run("doctor", "--json")
            for what in [
                "configuration", "redis version", "redis persistence", "redis appendfsync", "redis maxmemory-policy",
                "census", "postgresql version", "clock", "migrations", "invariants",
            ] {
                #expect(level(ran, what) == "ok", "\(what): \(ran.out)")
            }
            // The tests' PostgreSQL runs without it.
            #expect(level(ran, "postgresql fsync") == "warn")
            #expect(level(ran, "channels") == "warn")
        }
    }

    @Test("no append-only file is a warning, every second too")
    func warnings() async throws {
        try await Installation.with { here in
            let ran = try await here.run("doctor", "--json")
            #expect(ran.code == 0, "\(ran)")
            #expect(level(ran, "redis persistence") == "warn")
        }
        try await Installation.with(redis: ["--appendonly", "yes", "--appendfsync", "everysec"]) { here in
            let ran = try await here.run("doctor", "--json")
            #expect(ran.code == 0)
            #expect(level(ran, "redis appendfsync") == "warn")
        }
    }

    @Test("a policy that evicts is a failure with the mend")
    func policy() async throws {
        try await Installation.with(redis: Self.safe + ["--maxmemory-policy", "allkeys-lru"]) { here in
            let ran = try await here.run("doctor")
            #expect(ran.code == 1)
            #expect(ran.lines.contains { $0.hasPrefix("fail") && $0.contains("noeviction") }, "\(ran.out)")
        }
    }

    @Test("a broken invariant is a failure that names the row and what should hold")
    func broken() async throws {
        try await Installation.with(redis: Self.safe) { here in
            _ = try await here.query(
                """
                WITH seller AS (
                    INSERT INTO crm_userinfo (name, username, depart_id) VALUES ('甲', '甲', 1001) RETURNING id
                ), customer AS (
                    INSERT INTO crm_customer (qq, name) VALUES ('10001', '客户') RETURNING id
                )
                INSERT INTO crm_customerdistribution (user_id, customer_id, status, origin, ended_on)
                SELECT seller.id, customer.id, 5, 'auto', paidan.today() FROM seller, customer
                """)
            var ran = try await here.run("doctor")
            #expect(ran.code == 1)
            let lines = ran.lines.filter { $0.hasPrefix("fail") }
            #expect(
                lines == [
                    "fail  invariant I6: broken by distribution 1; it says: an automatic distribution took one slot, any other none",
                    "fail  invariant I13: broken by seller 1; it says: each seller got as many customers automatically as "
                        + "slots of his were used",
                ])
            ran = try await here.run("doctor", "--json")
            #expect(level(ran, "invariant I6") == "fail" && level(ran, "invariants") == nil)
        }
    }

    @Test("before the migration it fails and names the mend")
    func unmigrated() async throws {
        try await Installation.with(migrated: false) { here in
            let ran = try await here.run("doctor")
            #expect(ran.code == 1)
            #expect(ran.lines.contains { $0.hasPrefix("fail") && $0.contains("paidan migrate") }, "\(ran.out)")
        }
    }

    @Test("a server that is away fails, and the rest is looked at all the same")
    func away() async throws {
        try await Installation.with { here in
            here.redis.stop()
            let ran = try await here.run("doctor", "--json")
            #expect(ran.code == 1)
            #expect(level(ran, "redis") == "fail")
            #expect(level(ran, "migrations") == "ok")
        }
        try await Installation.with { here in
            let ran = try await here.run(
                "doctor", "--json",
                environment: ["PAIDAN_POSTGRES_URL": "host='\(here.folder)' dbname=x password=canary"]
            )
            #expect(ran.code == 1)
            #expect(level(ran, "postgresql") == "fail")
            #expect(level(ran, "redis version") == "ok")
            #expect(!ran.out.contains("canary"))
        }
    }

    @Test("channels are looked at without sending")
    func channels() async throws {
        let conf = """
            [channels.sales]
            type = "wecom_robot"
            url = "http://127.0.0.1:1/send?key=canary"
            """
        try await Installation.with(conf: conf) { here in
            let ran = try await here.run("doctor")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.out.contains("channel sales"))
            #expect(!ran.out.contains("canary"))
        }
    }
}
