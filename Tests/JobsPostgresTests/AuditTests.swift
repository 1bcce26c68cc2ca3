import Postgres
import Testing

@Suite("What other programs write is kept in the audit log")
struct AuditTests {
    /// `action entity before after` of what was written since; the actor is checked for all.
    private func audited(_ story: Story, _ write: () async throws -> Void) async throws -> [String] {
        let last = try await story.number("SELECT coalesce(max(id), 0) FROM paidan.audit_log")
        try await write()
        return try await story.page(
            """
            SELECT action, entity, coalesce(before::text, '-'), coalesce(after::text, '-'),
                actor = 'database:' || session_user
            FROM paidan.audit_log WHERE id > \(last) ORDER BY id
            """
        ).map { row in
            #expect(try row.bool(4), "not by the database's role")
            return "\(try row.text(0)) \(try row.text(1)) \(try row.text(2)) \(try row.text(3))"
        }
    }

    @Test("a page's edit: the changed columns, before and after; a save that changes nothing is no row")
    func customer() async throws {
        try await Story.tell { story in
            let seller = try await story.seller()
            let id = try await story.customer(of: seller)
            var rows = try await audited(story) {
                try await story.page("UPDATE crm_customer SET company = '某公司', name = name WHERE id = \(id)::int")
            }
            #expect(rows == [#"database.update crm_customer {"company": null} {"company": "某公司"}"#])
            rows = try await audited(story) {
                try await story.page("UPDATE crm_customer SET company = company WHERE id = \(id)::int")
                try await story.service("UPDATE crm_customer SET company = NULL WHERE id = \(id)::int")
            }
            #expect(rows == [])
            rows = try await audited(story) {
                try await story.page("UPDATE crm_customer SET consultant_id = NULL WHERE id = \(id)::int")
            }
            #expect(rows.count == 1)
            #expect(rows[0].contains("\"consultant_id\": \(seller)") && rows[0].contains("\"pool_since\": null"))
            rows = try await audited(story) { _ = try await story.customer(of: nil) }
            #expect(rows.count == 1 && rows[0].hasPrefix("database.insert crm_customer - {"))
            #expect(!rows[0].contains("version") && !rows[0].contains("external_write_at"))
        }
    }

    @Test("people, shares and rights: who changed them; passwords and hashes are never written")
    func people() async throws {
        try await Story.tell { story in
            let seller = try await story.seller()
            let changes: [(SQL, [String])] = [
                (
                    "UPDATE crm_userinfo SET password = 'geheim-1', depart_id = 1000 WHERE id = \(seller)::int",
                    [
                        #"database.update crm_userinfo {"password": "(hidden)", "depart_id": 1001} "#
                            + #"{"password": "(hidden)", "depart_id": 1000}"#
                    ]
                ),
                (
                    "INSERT INTO rbac_user (id, username, password) VALUES (70, 'u', 'geheim-2')",
                    [#"database.insert rbac_user - {"id": 70, "email": "", "username": "u", "is_active": true}"#]
                ),
                (
                    "INSERT INTO rbac_user_roles (id, user_id, role_id) VALUES (80, 70, 1)",
                    [#"database.insert rbac_user_roles - {"id": 80, "role_id": 1, "user_id": 70}"#]
                ),
                (
                    "DELETE FROM rbac_user_roles WHERE id = 80",
                    [#"database.delete rbac_user_roles {"id": 80, "role_id": 1, "user_id": 70} -"#]
                ),
                (
                    "UPDATE rbac_permission SET methods = 'GET' WHERE code = 'customer.grab'",
                    [#"database.update rbac_permission {"methods": "POST"} {"methods": "GET"}"#]
                ),
                (
                    "UPDATE rbac_role SET title = '新' WHERE id = 1",
                    [#"database.update rbac_role {"title": "管理员"} {"title": "新"}"#]
                ),
                (
                    "INSERT INTO crm_salerank (id, user_id, num, weight) VALUES (1, \(seller)::int, 2, 3)",
                    [
                        "database.insert crm_salerank - {\"id\": 1, \"num\": 2, \"weight\": 3, \"user_id\": \(seller)}"
                    ]
                ),
                (
                    "UPDATE paidan.setting SET value = '4' WHERE name = 'follow_up_days'",
                    [#"database.update paidan.setting {"value": "3"} {"value": "4"}"#]
                ),
                // Counters of the service's are none.
                ("UPDATE paidan.setting SET value = '9' WHERE name = 'rank_version'", []),
            ]
            for (change, expected) in changes {
                let rows = try await audited(story) { try await story.page(change) }
                #expect(rows == expected, "\(change.text)")
            }
            let token = try await audited(story) {
                try await story.page("INSERT INTO paidan.api_token (user_id, sha256) VALUES (70, sha256('x'))")
                try await story.page("UPDATE paidan.api_token SET last_used_at = now()")
                try await story.page("UPDATE paidan.api_token SET sha256 = sha256('y')")
                try await story.page("UPDATE paidan.api_token SET revoked_at = now()")
            }
            #expect(token.count == 3)
            #expect(token[1] == #"database.update paidan.api_token {"sha256": "(hidden)"} {"sha256": "(hidden)"}"#)
            let secrets = try await story.number(
                """
                SELECT count(*) FROM paidan.audit_log
                WHERE concat(before, after) LIKE '%geheim%' OR concat(before, after) LIKE '%\\x%'
                """)
            #expect(secrets == 0)
        }
    }

    @Test("notes and payments: a new one is its own record, an edit or a deletion is kept under its customer")
    func records() async throws {
        try await Story.tell { story in
            let seller = try await story.seller()
            let id = try await story.customer(of: seller)
            let rows = try await audited(story) {
                let note = try await story.note(id, by: seller)
                try await story.page("UPDATE crm_consultrecord SET note = '改' WHERE id = \(note)::int")
                try await story.page("DELETE FROM crm_consultrecord WHERE id = \(note)::int")
                try await story.page(
                    "INSERT INTO crm_course (id, name) VALUES (1, 'Python')")
                try await story.page(
                    "INSERT INTO crm_customer_course (customer_id, course_id) VALUES (\(id)::int, 1)")
            }
            #expect(rows.count == 3)
            #expect(rows[0] == #"note.update crm_customer {"note": "聊过"} {"note": "改"}"#)
            #expect(rows[1].hasPrefix("note.delete crm_customer {"))
            #expect(rows[2].hasPrefix("course.insert crm_customer - {"))
            #expect(
                try await story.number(
                    "SELECT count(*) FROM paidan.audit_log WHERE entity = 'crm_customer' AND entity_id = \(String(id))")
                    == 4)
        }
    }

    @Test("a page of the CRM that comes upon an overdue customer: what was lost, and who came upon it")
    func expiry() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-19 10:00")
            let seller = try await story.seller()
            let id = try await story.customer(of: seller)
            try await story.at("2018-05-30 10:00")
            let rows = try await audited(story) { _ = try await story.note(id, by: seller) }
            #expect(
                rows == [
                    "customer.expire crm_customer {\"pool_since\": null, \"consultant_id\": \(seller)} "
                        + #"{"status": 3, "ended_on": "2018-05-23", "pool_since": "2018-05-23", "consultant_id": null}"#
                ])
            #expect(try await story.broken() == [])
        }
    }

    @Test("a role that has rights on the CRM's tables only is recorded by its name")
    func role() async throws {
        try await Story.tell { story in
            let id = try await story.customer(of: nil)
            let role = "page_\(UInt32.random(in: 0...UInt32.max))"
            try await story.page("CREATE ROLE \(raw: role)")
            try await story.page("GRANT ALL ON ALL TABLES IN SCHEMA public TO \(raw: role)")
            _ = try await story.pool.transaction { tx in
                _ = try tx.query("SET LOCAL SESSION AUTHORIZATION \(raw: role)")
                return try tx.query("UPDATE crm_customer SET company = '某公司' WHERE id = \(id)::int")
            }
            #expect(
                try await story.text("SELECT actor FROM paidan.audit_log ORDER BY id DESC LIMIT 1")
                    == "database:\(role)")
            try await story.page("DROP OWNED BY \(raw: role)")
            try await story.page("DROP ROLE \(raw: role)")
        }
    }
}
