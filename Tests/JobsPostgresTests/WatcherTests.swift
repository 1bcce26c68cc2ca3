import Testing

@Suite("Changes that somebody must hear of")
struct WatcherTests {
    @Test("a seller who is switched off or moves out of department 1001 is offboarded, once")
    func offboard() async throws {
        try await Story.tell { story in
            let (a, b, c) = (try await story.seller(), try await story.seller("乙"), try await story.seller("丙"))
            try await story.page("UPDATE crm_userinfo SET is_active = false WHERE id = \(a)::int")
            try await story.page("UPDATE crm_userinfo SET is_active = false, depart_id = 1000 WHERE id = \(a)::int")
            try await story.page("UPDATE crm_userinfo SET depart_id = 1000 WHERE id = \(b)::int")
            try await story.page("UPDATE crm_userinfo SET depart_id = 1001, name = '戊' WHERE id = \(c)::int")
            let jobs = try await story.page("SELECT kind, (args ->> 'user_id')::int, key FROM paidan.outbox ORDER BY seq")
            #expect(
                try jobs.map { "\(try $0.text(0)) \(try $0.int(1)) \(try $0.text(2))" }
                    == ["seller.offboard \(a) seller.offboard:\(a)", "seller.offboard \(b) seller.offboard:\(b)"])
        }
    }

    @Test("every change of access is a new version; the use of a token is none")
    func access() async throws {
        try await Story.tell { story in
            let version: SQL = "SELECT version FROM paidan.access_version"
            let changes: [SQL] = [
                "INSERT INTO rbac_user (username) VALUES ('u')",
                "INSERT INTO rbac_user_roles (user_id, role_id) SELECT u.id, r.id FROM rbac_user u, rbac_role r LIMIT 1",
                "UPDATE rbac_role SET title = title", "UPDATE rbac_permission SET methods = 'GET'",
                "DELETE FROM rbac_role_permissions WHERE id = 1",
                "INSERT INTO paidan.api_token (user_id, sha256) SELECT id, sha256('x') FROM rbac_user",
                "UPDATE paidan.api_token SET revoked_at = now()", "DELETE FROM rbac_user_roles",
                "UPDATE crm_userinfo SET is_active = false",
            ]
            for change in changes {
                let before = try await story.number(version)
                try await story.page(change)
                #expect(try await story.number(version) == before + 1, "\(change.text)")
            }
            let before = try await story.number(version)
            try await story.page("UPDATE paidan.api_token SET last_used_at = now()")
            #expect(try await story.number(version) == before)
        }
    }

    @Test("a change of the shares is a new version; a share of 0 takes free slots away and may close the cycle")
    func ranks() async throws {
        try await Story.tell { story in
            let (a, b) = (try await story.seller(), try await story.seller("乙"))
            try await story.page(
                "INSERT INTO crm_salerank (user_id, num, weight) VALUES (\(a)::int, 1, 1), (\(b)::int, 2, 2)")
            try await story.page("INSERT INTO paidan.assign_cycle (cycle_no) VALUES (1)")
            try await story.page(
                "INSERT INTO paidan.assign_quota VALUES (1, \(a)::int, 1, 1), (1, \(b)::int, 2, 2)")
            try await story.page(
                """
                INSERT INTO paidan.assign_slot (cycle_no, pos, user_id)
                VALUES (1, 1, \(b)::int), (1, 2, \(a)::int), (1, 3, \(b)::int)
                """)
            let slots: SQL = "SELECT string_agg(state || coalesce(':' || reason, ''), ' ' ORDER BY pos) FROM paidan.assign_slot"
            let version = try await story.number("SELECT value::int FROM paidan.setting WHERE name = 'rank_version'")
            try await story.page("UPDATE crm_salerank SET num = 5 WHERE user_id = \(b)::int")
            #expect(try await story.text(slots) == "free free free")
            try await story.page("UPDATE crm_salerank SET num = 0 WHERE user_id = \(b)::int")
            #expect(try await story.text(slots) == "void:num free void:num")
            #expect(try await story.number("SELECT count(*) FROM paidan.assign_cycle WHERE closed_at IS NULL") == 1)
            try await story.page("DELETE FROM crm_salerank WHERE user_id = \(a)::int")
            #expect(try await story.text(slots) == "void:num void:num void:num")
            #expect(try await story.number("SELECT count(*) FROM paidan.assign_cycle WHERE closed_at IS NULL") == 0)
            #expect(
                try await story.number("SELECT value::int FROM paidan.setting WHERE name = 'rank_version'") == version + 3)
            #expect(try await story.broken() == [])
        }
    }

    @Test("the clock of all writers is shifted by a setting, only where the server allows it")
    func clock() async throws {
        try await Story.tell { story in
            try await story.at("2018-05-22 23:59:59")
            #expect(try await story.text("SELECT paidan.today()") == "2018-05-22")
            #expect(try await story.text("SELECT (paidan.now() AT TIME ZONE 'UTC')::date") == "2018-05-22")
            try await story.at("2018-05-23 00:30")
            #expect(try await story.text("SELECT (paidan.now() AT TIME ZONE 'UTC')::date") == "2018-05-22")
            #expect(try await story.text("SELECT paidan.today()") == "2018-05-23")
            let today = try await story.pool.transaction { tx in
                _ = try tx.query("SELECT set_config('paidan.test_clock', 'off', true)")
                return try tx.query("SELECT paidan.now() = now()")[0].bool(0)
            }
            #expect(today)
        }
    }
}
