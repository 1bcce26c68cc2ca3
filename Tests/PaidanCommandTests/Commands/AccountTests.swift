import Postgres
import Testing

@Suite("Command line: database, users, tokens, shares") struct AccountTests {
    @Test("migrate twice: the second changes nothing, and --status tells before and after")
    func migrate() async throws {
        try await Installation.with(migrated: false) { here in
            var ran = try await here.run("migrate", "--status", "--json")
            #expect(ran.code == 0)
            #expect(ran.items.count >= 16)
            #expect(ran.items.allSatisfy { $0["state"] as? String == "pending" })
            ran = try await here.run("migrate")
            #expect(ran.code == 0, "\(ran.err)")
            let state = try await here.query("SELECT count(*) FROM paidan.audit_log")[0].int(0)
            ran = try await here.run("migrate", "--json")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.object["items"] != nil)
            #expect(try await here.query("SELECT count(*) FROM paidan.audit_log")[0].int(0) == state)
            ran = try await here.run("migrate", "--status")
            #expect(ran.code == 0)
            #expect(ran.lines.first?.hasPrefix("NUMBER") == true)
            #expect(ran.lines.dropFirst().allSatisfy { $0.hasSuffix("applied") })
            #expect(ran.err.isEmpty)
        }
    }

    @Test("two migrations at once both end well")
    func together() async throws {
        try await Installation.with(migrated: false) { here in
            async let one = here.run("migrate")
            async let two = here.run("migrate")
            let (first, second) = try await (one, two)
            #expect(first.code == 0, "\(first.err)")
            #expect(second.code == 0, "\(second.err)")
        }
    }

    @Test("commands that need tables say so before the migration")
    func unmigrated() async throws {
        try await Installation.with(migrated: false) { here in
            for arguments in [["user", "list"], ["token", "list"], ["ranks", "show"], ["fairness"], ["serve"]] {
                let ran = try await Installation.run(arguments, folder: here.folder)
                #expect(ran.code == 1, "\(arguments)")
                #expect(ran.err.contains("paidan migrate"), "\(arguments): \(ran.err)")
                #expect(ran.out.isEmpty)
            }
        }
    }

    @Test("the life of a user")
    func user() async throws {
        try await Installation.with { here in
            var ran = try await here.run("user", "create", "admin", "--role", "管理员", "--json")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.object["name"] as? String == "admin")
            #expect(ran.object["id"] is String)
            #expect(ran.object["roles"] as? [String] == ["管理员"])
            ran = try await here.run("user", "create", "zhaomin", "--seller")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.out.contains("seller"))
            #expect(
                try await here.query("SELECT depart_id FROM crm_userinfo WHERE username = 'zhaomin'")[0].int(0) == 1001)
            ran = try await here.run("user", "create", "admin")
            #expect(ran.code == 2)
            #expect(ran.err.contains("admin"))
            ran = try await here.run("user", "create", "x", "--role", "国王")
            #expect(ran.code == 2)
            #expect(ran.err.contains("销售"))
            ran = try await here.run("user", "list", "--json")
            #expect(ran.items.map { $0["name"] as? String } == ["admin", "zhaomin"])
            #expect(!(ran.items[0]["seller_id"] is String))
            #expect(ran.items[1]["seller_id"] is String)
            ran = try await here.run("user", "disable", "zhaomin")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.out.isEmpty)
            ran = try await here.run("user", "list")
            #expect(ran.lines[0].hasPrefix("ID"))
            #expect(ran.lines[2].contains("no"))
            #expect(try await here.run("user", "disable", "nobody").code == 2)
        }
    }

    @Test("the life of a token: shown once, told of, revoked")
    func token() async throws {
        try await Installation.with { here in
            _ = try await here.run("user", "create", "admin", "--role", "管理员")
            var ran = try await here.run("token", "create", "--user", "admin", "--expires", "90d", "--json")
            #expect(ran.code == 0, "\(ran.err)")
            let id = ran.object["id"] as? String ?? ""
            let token = ran.object["token"] as? String ?? ""
            #expect(!id.isEmpty)
            #expect(token.count > 20)
            #expect(ran.object["user"] as? String == "admin")
            #expect((ran.object["expires_at"] as? String)?.contains("T") == true)
            ran = try await here.run("token", "create", "--user", "admin")
            #expect(ran.lines.count == 1)
            #expect(ran.err.contains("without end"))
            ran = try await here.run("token", "list", "--json")
            #expect(ran.items.count == 2)
            #expect(!ran.out.contains(token))
            #expect(try await here.run("token", "create", "--user", "nobody").code == 2)
            ran = try await here.run("token", "revoke", id)
            #expect(ran.code == 0, "\(ran.err)")
            #expect(try await here.run("token", "revoke", id).code == 2)
            #expect(try await here.run("token", "revoke", "999").code == 2)
            ran = try await here.run("token", "list")
            #expect(ran.lines.contains { $0.hasPrefix(id) && $0.hasSuffix("yes") })
            _ = try await here.run("user", "disable", "admin")
            #expect(try await here.run("token", "create", "--user", "admin").code == 2)
        }
    }

    @Test("shares are set and shown, the open cycle too; fairness of nothing is nothing")
    func ranks() async throws {
        try await Installation.with { here in
            _ = try await here.run("user", "create", "zhaomin", "--seller")
            _ = try await here.run("user", "create", "lili", "--seller")
            let id = try await here.query("SELECT id FROM crm_userinfo WHERE username = 'lili'")[0].int(0)
            var ran = try await here.run("ranks", "set", "zhaomin", "--num", "5", "--weight", "3")
            #expect(ran.code == 0, "\(ran.err)")
            ran = try await here.run("ranks", "set", "\(id)", "--num", "2", "--weight", "9")
            #expect(ran.code == 0, "\(ran.err)")
            ran = try await here.run("ranks", "show", "--json")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(Set(ran.items.compactMap { $0["num"] as? Int }) == [5, 2])
            #expect(ran.items.allSatisfy { $0["user_id"] is String })
            ran = try await here.run("ranks", "show")
            #expect(ran.lines[0].hasPrefix("SELLER"))
            #expect(try await here.run("ranks", "set", "nobody", "--num", "1", "--weight", "1").code == 2)
            #expect(try await here.run("ranks", "set", "lili", "--num", "0", "--weight", "0").code == 0)
            ran = try await here.run("fairness", "--json")
            #expect(ran.code == 0, "\(ran.err)")
            #expect((ran.object["cycles"] as? [Any])?.isEmpty == true)
            ran = try await here.run("fairness", "--from", "2026-13-45")
            #expect(ran.code == 64, "\(ran)")
            #expect(try await here.run("fairness", "--from", "2026-01-01", "--to", "2026-01-31").code == 0)
        }
    }
}
