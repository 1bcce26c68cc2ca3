import Postgres
import Testing

@testable import CRM

@Suite("A customer's profile") struct PatchTests {
    private func patch(
        _ lab: DealLab, _ id: Int, _ json: String, _ match: VersionMatch? = .any, by caller: Caller? = nil
    ) async throws -> CustomerPatched {
        try await lab.customers.patch(
            id, try? CustomerInput(json: Array(json.utf8)), match: match, by: caller ?? lab.seller(1))
    }

    private func done(_ patched: CustomerPatched) -> CustomerView? {
        if case .done(let view) = patched { return view }
        Issue.record("\(patched)")
        return nil
    }

    private func wrong(_ patched: CustomerPatched) -> [String] {
        if case .invalid(let problems) = patched { return problems.map { "\($0.pointer) \($0.code)" } }
        Issue.record("\(patched)")
        return []
    }

    @Test("what is named changes by the rules of the import, the rest stays")
    func columns() async throws {
        try await DealLab.with { lab in
            let friend = try await lab.customer(of: 2, qq: "7654321")
            let id = try await lab.customer(of: 1)
            let state = try await lab.state(id)
            let body = """
                {"qq": "１２３４５６７", "name": " 王小明 ", "gender": "女", "education": 2, "graduation_school": "石油大学",
                 "major": "化学", "experience": "在校生", "work_status": 2, "company": "某公司", "salary": "8000",
                 "source": "SEO", "referral": "7654321", "course": ["Linux", 1]}
                """
            let view = try #require(done(try await patch(lab, id, body)))
            #expect(view.qq == "1234567" && view.name == "王小明" && view.gender == 2 && view.education == 2)
            #expect(view.graduationSchool == "石油大学" && view.major == "化学" && view.experience == 1)
            #expect(view.workStatus == 2 && view.company == "某公司" && view.salary == "8000" && view.source == 15)
            #expect(view.referralFromID == "\(friend)" && view.course == ["1", "2"] && view.version == 3)
            let one = try #require(done(try await patch(lab, id, #"{"course": ["Go", 2], "major": "物理"}"#)))
            #expect(one.course == ["2", "3"] && one.major == "物理" && one.name == "王小明" && one.version == 4)
            let cleared = try #require(
                done(
                    try await patch(
                        lab, id,
                        """
                        {"gender": null, "education": null, "graduation_school": "", "major": " ", "experience": null,
                         "work_status": null, "company": null, "salary": null, "referral_from_id": null, "course": []}
                        """)))
            #expect(cleared.gender == nil && cleared.education == nil && cleared.graduationSchool == nil)
            #expect(cleared.major == nil && cleared.experience == nil && cleared.workStatus == nil)
            #expect(cleared.company == nil && cleared.salary == nil && cleared.referralFromID == nil)
            #expect(cleared.course == [] && cleared.name == "王小明" && cleared.source == 15)
            // Who has it, and since when, is as it was.
            #expect(try await lab.state(id) == state)
            #expect(done(try await patch(lab, id, "{}"))?.version == cleared.version)
        }
    }

    @Test("every change is on record, before and after")
    func audit() async throws {
        try await DealLab.with { lab in
            let id = try await lab.customer(of: 1)
            _ = done(try await patch(lab, id, #"{"course": [1]}"#))
            _ = done(try await patch(lab, id, #"{"name": "新名", "course": [2, 3]}"#))
            let rows = try await lab.pool.query(
                "SELECT actor, action, before, after FROM paidan.audit_log WHERE actor = 'user:101' ORDER BY id")
            #expect(
                try rows.map { try [$0.text(0), $0.text(1), $0.text(2), $0.text(3)].joined(separator: " ") } == [
                    #"user:101 customer.edit {"course": []} {"course": [1]}"#,
                    #"user:101 customer.edit {"name": "客户", "course": [1]} {"name": "新名", "course": [2, 3]}"#,
                ])
        }
    }

    @Test("what may not be changed here, and what breaks a rule")
    func invalid() async throws {
        try await DealLab.with { lab in
            let id = try await lab.customer(of: 1)
            let before = try await lab.customers.view(id)
            for name in [
                "id", "status", "consultant", "consultant_id", "recv_date", "date", "last_consult_date", "pool_state",
                "pool_since", "protected_until", "follow_due_on", "deal_due_on", "expires_on", "import_id", "version",
            ] {
                #expect(wrong(try await patch(lab, id, "{\"\(name)\": 1}")) == ["/\(name) readonly"])
            }
            let cases: [(String, [String])] = [
                (
                    #"{"colour": "red", "assign": "self", "memo": "x"}"#,
                    ["/assign unknown_field", "/colour unknown_field", "/memo unknown_field"]
                ),
                (#"{"name": null}"#, ["/name E_REQUIRED"]), (#"{"name": "  "}"#, ["/name E_REQUIRED"]),
                (#"{"qq": ""}"#, ["/qq E_REQUIRED"]), (#"{"qq": "c"}"#, ["/qq E_QQ_FORMAT"]),
                (#"{"qq": 99999999999999999999}"#, [" type"]), (#"{"source": null}"#, ["/source E_REQUIRED"]),
                (#"{"source": 17}"#, ["/source E_CHOICE"]), (#"{"education": "本科"}"#, ["/education E_CHOICE"]),
                (#"{"name": "一二三四五六七八九十一二三四五六七"}"#, ["/name E_TOO_LONG"]),
                (#"{"company": "a\u0000b"}"#, ["/company E_CONTROL_CHAR"]), (#"{"name": ["甲"]}"#, ["/name type"]),
                (#"{"course": ["Java", 9]}"#, ["/course/0 E_COURSE", "/course/1 E_COURSE"]),
                (#"{"referral": "999999"}"#, ["/referral E_REFERRAL"]),
                ("{\"referral_from_id\": \(id)}", ["/referral_from_id E_REFERRAL"]),
                ("{\"referral\": \"\(before?.qq ?? "")\"}", ["/referral E_REFERRAL"]),
                (#"{"referral_from_id": 99999999999}"#, ["/referral_from_id E_REFERRAL"]),
                (#"{"name": "（示例行请自行删除）"}"#, [" W_SAMPLE_ROW"]), ("[]", [" type"]), ("{\"name\": true}", [" type"]),
                (#"{"name": {"x": 1}}"#, [" type"]), ("null", [" type"]), (#"{"salary": 1.5}"#, [" type"]),
            ]
            for (body, expected) in cases { #expect(wrong(try await patch(lab, id, body)) == expected, "\(body)") }
            #expect(try await lab.customers.view(id) == before)
            #expect(try await lab.audit(id) == [])
        }
    }

    @Test("an adopted customer whose old values break a rule is mended column by column")
    func adopted() async throws {
        try await DealLab.with { lab in
            let id = try await lab.customer(of: 1, qq: "c")
            #expect(done(try await patch(lab, id, #"{"name": "新名"}"#))?.qq == "c")
            #expect(done(try await patch(lab, id, #"{"qq": 123456}"#))?.qq == "123456")
        }
    }

    @Test("another customer's QQ")
    func duplicate() async throws {
        try await DealLab.with { lab in
            _ = try await lab.customer(of: 2, qq: "7654321")
            let id = try await lab.customer(of: 1)
            let before = try await lab.customers.view(id)
            #expect(
                try await patch(lab, id, #"{"qq": "7654321", "name": "新名", "course": [1]}"#)
                    == .duplicate(state: "private"))
            #expect(try await lab.customers.view(id) == before)
            #expect(try await lab.audit(id) == [])
            // One's own is none.
            #expect(done(try await patch(lab, id, "{\"qq\": \"\(before?.qq ?? "")\"}"))?.qq == before?.qq)
        }
    }

    @Test("which version is meant")
    func versions() async throws {
        try await DealLab.with { lab in
            let id = try await lab.customer(of: 1)
            let body = #"{"name": "新名"}"#
            #expect(try await patch(lab, id, body, nil) == .unconditional)
            #expect(try await patch(lab, id, body, .versions([1])) == .outdated(2))
            #expect(try await patch(lab, id, body, .versions([])) == .outdated(2))
            #expect(done(try await patch(lab, id, body, .versions([1, 2])))?.version == 3)
            // What is wrong is said before the version.
            #expect(wrong(try await patch(lab, id, "{\"qq\": \"c\"}", .versions([1]))) == ["/qq E_QQ_FORMAT"])
        }
    }

    @Test("two at once for one version: one is made")
    func race() async throws {
        try await DealLab.with(sessions: 4) { lab in
            for _ in 0..<10 {
                let id = try await lab.customer(of: 1)
                let version = try #require(await lab.customers.view(id)).version
                let outcomes = try await withThrowingTaskGroup(of: CustomerPatched.self) { group in
                    for name in ["甲", "乙", "丙"] {
                        group.addTask { try await patch(lab, id, "{\"name\": \"\(name)\"}", .versions([version])) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outcomes.filter { $0 == .outdated(version + 1) }.count == 2)
                #expect(try await lab.audit(id).count == 1)
            }
        }
    }

    @Test("whose it is: the owner's, the manager's; others' are not there, the pool's are nobody's")
    func rows() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-19 10:00")
            let id = try await lab.customer(of: 1)
            let pending = try await lab.customer(of: nil)
            let body = #"{"name": "新名"}"#
            #expect(try await patch(lab, id, body, nil, by: lab.seller(2)) == .missing)
            #expect(try await patch(lab, pending, body, by: lab.seller(2)) == .missing)
            #expect(try await patch(lab, 99, body, by: lab.manager) == .missing)
            #expect(done(try await patch(lab, pending, body, by: lab.manager)) != nil)
            let read = try #require(await lab.customers.view(id)).version
            try await lab.at("2018-05-23 00:00")
            #expect(try await patch(lab, id, body, by: lab.seller(2)) == .refused(.notOwner))
            #expect(try await patch(lab, id, body, by: lab.seller(1)) == .refused(.expired))
            #expect(try await lab.state(id).hasSuffix("1:3:self:2018-05-23"))
            #expect(try await patch(lab, id, body, .versions([read]), by: lab.manager) == .outdated(read + 1))
            #expect(done(try await patch(lab, id, body, .versions([read + 1]), by: lab.manager))?.name == "新名")
            // A closed one is its seller's.
            let mine = try await lab.customer(of: 1)
            _ = try await lab.desk.deal(mine, by: lab.seller(1))
            #expect(done(try await patch(lab, mine, body))?.poolState == "closed")
            #expect(try await patch(lab, mine, body, by: lab.seller(2)) == .missing)
        }
    }

    @Test("the version that was read of an overdue customer holds, though this very request expires it")
    func overdue() async throws {
        try await DealLab.with { lab in
            try await lab.at("2018-05-19 10:00")
            let id = try await lab.customer(of: 1)
            try await lab.at("2018-05-23 10:00")
            let read = try #require(await lab.customers.view(id))
            #expect(read.poolState == "public")
            let view = done(try await patch(lab, id, #"{"name": "新名"}"#, .versions([read.version]), by: lab.manager))
            #expect(view?.poolState == "public" && view?.poolSince == "2018-05-23" && view?.name == "新名")
        }
    }
}
