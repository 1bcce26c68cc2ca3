import Foundation
import Postgres
import Testing

@Suite("Command line: explain, fairness, and who did what") struct ExplainTests {
    private func customer(_ here: Installation, _ id: Int, qq: String) async throws {
        _ = try await here.query(
            "INSERT INTO crm_customer (id, qq, name) VALUES (\(id)::int, \(qq), '王小明')")
    }

    @Test("a customer by id or by QQ, as a table and as over HTTP; one that is not there is 2")
    func explain() async throws {
        try await Installation.with { here in
            try await customer(here, 7, qq: "123456789")
            try await customer(here, 20_001, qq: "7654321")
            try await customer(here, 8, qq: "20001")
            var ran = try await here.run("explain", "123456789")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.lines.first?.hasPrefix("AT") == true)
            #expect(ran.lines.contains { $0.contains("paidan.audit_log ") })
            #expect(ran.lines.contains { $0.contains("paidan.setting follow_up_days") })
            #expect(ran.err.contains("customer 7: pending"))
            ran = try await here.run("explain", "7", "--json")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.object["customer_id"] as? String == "7")
            #expect(ran.object["state"] as? String == "pending")
            let facts = ran.object["facts"] as? [[String: Any]] ?? []
            #expect(!facts.isEmpty)
            #expect(facts.allSatisfy { $0["at"] is String && $0["what"] is String && $0["source"] is String })

            // A number that is one customer's id and another's QQ: the id counts, and the other is named.
            ran = try await here.run("explain", "20001", "--json")
            #expect(ran.object["customer_id"] as? String == "20001")
            #expect(ran.err.contains("customer 8"))
            ran = try await here.run("explain", "20001", "--qq", "--json")
            #expect(ran.object["customer_id"] as? String == "8")

            for unknown in ["99", "没有", "99999999999999999999", "-"] {
                ran = try await here.run("explain", unknown)
                #expect(ran.code == 2, "\(unknown): \(ran)")
                #expect(ran.out.isEmpty && ran.err.contains("There is no customer"))
            }
            _ = try await here.query(
                """
                INSERT INTO paidan.audit_log (action, entity, entity_id, before)
                VALUES ('customer.undo', 'crm_customer', '55', '{"import_id": 3}')
                """)
            ran = try await here.run("explain", "55")
            #expect(ran.code == 2 && ran.err.contains("undo of import 3"))
            #expect(try await here.run("explain").code == 64)
        }
    }

    @Test("fairness: due, used, void with reasons; odd days are 64")
    func fairness() async throws {
        try await Installation.with { here in
            _ = try await here.query(
                "INSERT INTO paidan.assign_cycle (cycle_no, built_at, closed_at) VALUES (1, '2018-05-19 10:00+08', now())"
            )
            _ = try await here.query("INSERT INTO paidan.assign_quota VALUES (1, 7, 2, 1)")
            _ = try await here.query(
                """
                INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, reason, customer_id, distribution_id)
                VALUES (1, 1, 7, 'used', NULL, 1, 1), (1, 2, 7, 'void', 'leave', NULL, NULL)
                """)
            var ran = try await here.run("fairness", "--from", "2018-05-19", "--to", "2018-05-19")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.lines.count == 2)
            #expect(
                ran.lines[1].split(separator: " ").map(String.init) == [
                    "1", "closed", "7", "2", "1", "1", "0", "leave", "1",
                ])
            ran = try await here.run("fairness", "--json")
            #expect(
                ran.out.trimmingCharacters(in: .whitespacesAndNewlines)
                    == #"{"cycles":[{"closed":true,"cycle_no":1,"sellers":[{"free":0,"num":2,"reasons":{"leave":1},"#
                    + #""used":1,"user_id":"7","void":1}]}]}"#)
            #expect(try await here.run("fairness", "--to", "2018-05-18").lines.count == 1)
            for odd in ["x", "2018-02-30", "2018-5-1", "20180501", "2018-05-01T00:00", "", "10000-01-01", "0000-01-01"]
            {
                ran = try await here.run("fairness", "--from", odd)
                #expect(ran.code == 64, "\(odd): \(ran)")
                #expect(try await here.run("fairness", "--to", odd).code == 64, "\(odd)")
            }
        }
    }

    @Test("every command that changes people or shares leaves its row: who, before, after")
    func audited() async throws {
        try await Installation.with { here in
            for command in [
                ["user", "create", "admin", "--role", "管理员"], ["user", "create", "zhaomin", "--seller"],
                ["ranks", "set", "zhaomin", "--num", "5", "--weight", "3"],
                ["token", "create", "--user", "admin", "--expires", "90d"], ["token", "revoke", "1"],
                ["user", "disable", "zhaomin"],
            ] {
                let ran = try await Installation.run(command, folder: here.folder)
                #expect(ran.code == 0, "\(ran.err)")
            }
            let rows = try await here.query(
                """
                SELECT concat_ws(' ', action, actor, entity, before IS NOT NULL, after IS NOT NULL) FROM paidan.audit_log
                WHERE action NOT LIKE 'mend.%' AND action <> 'setting.change' ORDER BY id
                """
            ).map { try $0.text(0) }
            #expect(
                rows == [
                    "user.create command line rbac_user f t", "user.create command line rbac_user f t",
                    "ranks.replace command line crm_salerank t t",
                    "token.create command line paidan.api_token f t", "token.revoke command line paidan.api_token t t",
                    "user.disable command line rbac_user t t",
                ])
            let ranks = try await here.query(
                "SELECT before::text || ' ' || (after -> 0 ->> 'num') FROM paidan.audit_log WHERE action = 'ranks.replace'"
            )
            #expect(try ranks[0].text(0) == "[] 5")
        }
    }
}
