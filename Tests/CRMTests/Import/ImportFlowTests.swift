import Postgres
import Spreadsheet
import Testing

@testable import CRM

/// From the upload to the last assignment, and back.
@Suite("Import: the way of a sheet")
struct ImportFlowTests {
    static let sheet = "姓名,QQ\n" + (1...7).map { "客户\($0),10000\($0)\n" }.joined() + "坏,x\n客户8,100001\n"

    @Test("every customer gets a seller in file order, with one event a seller and one for the uploader")
    func wholeWay() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(Self.sheet)
            let view = try await lab.view(id)
            #expect(view.state == "done" && view.phase == "reporting")
            #expect(view.rows == .init(read: 9, ok: 7, duplicate: 1, error: 1, skipped: 0))
            #expect(view.assigned == 7)
            #expect(view.startedAt != nil && view.finishedAt != nil)
            // laps over 1:2,1 and 2:1,2 is 2 1 1.
            #expect(
                try await lab.text("SELECT string_agg(consultant_id::text, '' ORDER BY qq) FROM crm_customer")
                    == "2112112")
            #expect(
                try await lab.text(
                    """
                    SELECT string_agg(subject || ' ' || dedupe_key || ' ' || (payload->>'count'), ',' ORDER BY id)
                    FROM paidan.event WHERE type = 'assigned'
                    """) == "import:\(id) assigned:import:\(id):1 4,import:\(id) assigned:import:\(id):2 3")
            #expect(
                try await lab.text(
                    "SELECT payload->'customers'->0->>'qq_last4' FROM paidan.event WHERE type = 'assigned'")
                    == "0002")
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM paidan.event
                    WHERE type = 'assigned' AND (payload->>'first_expiry')::date = paidan.today() + 3
                    """) == 2)
            #expect(
                try await lab.text("SELECT payload->'counts'->>'ok' FROM paidan.event WHERE type = 'import_finished'")
                    == "7")
            #expect(try await lab.count("SELECT count(*) FROM paidan.import_chunk") == 5)
        }
    }

    @Test("the import is running until the last assignment has ended")
    func waitsForAssignment() async throws {
        try await ImportLab.with { lab in
            guard case .accepted(let ticket) = try await lab.upload(Array(Self.sheet.utf8)) else {
                Issue.record("refused")
                return
            }
            #expect(try await lab.view(ticket.id).state == "queued")
            try await lab.run(ticket.id)
            let view = try await lab.view(ticket.id)
            #expect(view.state == "running" && view.phase == "assigning" && view.finishedAt == nil)
            #expect(try await lab.count("SELECT count(*) FROM paidan.event") == 0)
            try await lab.assign()
            #expect(try await lab.view(ticket.id).state == "done")
            // Neither job does anything a second time.
            try await lab.run(ticket.id)
            try await lab.assign()
            #expect(try await lab.count("SELECT count(*) FROM crm_customer") == 7)
            #expect(try await lab.count("SELECT count(*) FROM crm_customerdistribution") == 7)
            #expect(try await lab.count("SELECT count(*) FROM paidan.event") == 3)
        }
    }

    @Test("without an assignable seller the customers wait and the import is done")
    func noCapacity() async throws {
        try await ImportLab.with { lab in
            _ = try await lab.pool.query("UPDATE crm_salerank SET num = 0")
            let id = try await lab.take("姓名,QQ\n甲,100001\n乙,100002\n丙,100003\n")
            #expect(try await lab.view(id).state == "done")
            #expect(try await lab.view(id).assigned == 0)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE pool_state = 'pending'") == 3)
        }
    }

    @Test("the same bytes within 24 h are refused, unless forced; dry runs and failed imports do not count")
    func sameFile() async throws {
        try await ImportLab.with { lab in
            let bytes = Array(Self.sheet.utf8)
            try await lab.take(bytes) { $0.dryRun = true }
            let first = try await lab.take(bytes)
            let pieces = try await lab.count("SELECT count(*) FROM paidan.import_file")
            #expect(try await lab.upload(bytes, "别名.csv") == .duplicateFile(of: first))
            #expect(try await lab.count("SELECT count(*) FROM paidan.import_batch") == 2)
            #expect(try await lab.count("SELECT count(*) FROM paidan.import_file") == pieces)
            let again = try await lab.take(bytes) { $0.force = true }
            #expect(try await lab.view(again).rows == .init(read: 9, ok: 0, duplicate: 8, error: 1, skipped: 0))
            _ = try await lab.pool.query("UPDATE paidan.import_batch SET created_at = created_at - interval '25 hours'")
            guard case .accepted = try await lab.upload(bytes) else {
                Issue.record("refused after 24 h")
                return
            }
            let broken = Array("a,b\n1,2\n".utf8)
            try await lab.take(broken)
            guard case .accepted = try await lab.upload(broken) else {
                Issue.record("a failed import counted")
                return
            }
        }
    }

    @Test("two uploads of the same bytes at once: one is taken")
    func sameFileAtOnce() async throws {
        try await ImportLab.with { lab in
            let bytes = Array(Self.sheet.utf8)
            let results = try await withThrowingTaskGroup(of: UploadResult.self) { group in
                for _ in 0..<3 { group.addTask { try await lab.upload(bytes) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let taken = results.count { if case .accepted = $0 { true } else { false } }
            #expect(taken == 1)
        }
    }

    @Test("a dry run says who would get whom and leaves nothing else")
    func dryRun() async throws {
        try await ImportLab.with { lab in
            try await lab.take("姓名,QQ\n旧,100003\n")
            let before = try await lab.footprint()
            let id = try await lab.take(Self.sheet) { $0.dryRun = true }
            #expect(try await lab.footprint() == before)
            let view = try await lab.view(id)
            #expect(view.state == "done" && view.dryRun)
            #expect(view.rows == .init(read: 9, ok: 6, duplicate: 2, error: 1, skipped: 0))
            // 2 has had the first slot of 2 1 1: the open cycle goes on with 1 1.
            #expect(try await lab.rows(id).compactMap(\.predictedUserID) == ["1", "1", "2", "1", "1", "2"])
            let real = try await lab.take(Self.sheet)
            #expect(
                try await lab.text(
                    "SELECT string_agg(consultant_id::text, '' ORDER BY qq) FROM crm_customer WHERE import_id = \(real)"
                )
                    == "112112")
        }
    }

    @Test("cancel: rows stored stay, the others are skipped, and the counts add up", arguments: [0, 1, 4, 6])
    func cancel(after steps: Int) async throws {
        try await ImportLab.with { lab in
            guard case .accepted(let ticket) = try await lab.upload(Array(Self.sheet.utf8)) else { return }
            if steps > 0 { try await lab.runUntilStopped(ticket.id, after: steps) }
            try await lab.store.cancel(ticket.id, actor: "user:1")
            try await lab.run(ticket.id)
            try await lab.assign()
            let view = try await lab.view(ticket.id)
            #expect(view.state == "cancelled")
            try await lab.checkCounts(ticket.id)
            #expect(view.assigned == view.rows.ok)
            await #expect(throws: ImportRefusal.state("cancelled")) {
                try await lab.store.cancel(ticket.id, actor: "user:1")
            }
        }
    }

    @Test("policy error counts duplicates as errors; fill_blank fills what is NULL and nothing else")
    func policies() async throws {
        try await ImportLab.with { lab in
            try await lab.take("姓名,QQ,公司,性别\n甲,100001,,男\n乙,100002,旧公司,\n")
            let owner = try await lab.text("SELECT consultant_id::text FROM crm_customer WHERE qq = '100001'")
            let sheet =
                "姓名,QQ,公司,性别,咨询课程,状态,咨询日期,备注\n改,100001,新公司,女,Linux,已报名,2018-01-01,记\n改,100002,新公司,女,,,,\n丙,100003,,,,,,\n丙,100003,,,,,,\n"
            let strict = try await lab.take(sheet) { $0.duplicates = .error }
            #expect(try await lab.view(strict).rows == .init(read: 4, ok: 1, duplicate: 0, error: 3, skipped: 0))
            #expect(
                try await lab.story(strict) == ["2 error D_EXISTS", "3 error D_EXISTS", "4 ok", "5 error D_IN_FILE"])
            let fill = try await lab.take(sheet + "\n") { $0.duplicates = .fillBlank }
            #expect(try await lab.view(fill).rows == .init(read: 4, ok: 0, duplicate: 4, error: 0, skipped: 0))
            #expect(
                try await lab.text(
                    "SELECT string_agg(name || company || gender || status, ',' ORDER BY qq) FROM crm_customer WHERE qq < '100003'"
                )
                    == "甲新公司12,乙旧公司22")
            #expect(try await lab.text("SELECT consultant_id::text FROM crm_customer WHERE qq = '100001'") == owner)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer_course") == 1)
            #expect(try await lab.count("SELECT count(*) FROM paidan.customer_remark") == 1)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE date = '2018-01-01'") == 0)
        }
    }

    @Test("the sheets seen in real life: 12, 9 and 4 columns", arguments: [0, 1, 2])
    func seenSheets(_ which: Int) async throws {
        let sheets = [
            "QQ号,学生姓名,性别,学历,毕业学校,所学专业,工作经验,职业状态,目前就职公司,当前薪资,客户来源,咨询课程\n100001,ss,2,大专,兰州石化职业技术学院,化工,在校生,在职,某公司,50000c,qq群,Python\n",
            "qq,name,gender,education,graduation_school,major,experience,work_status,course\n100001,222,1,5,中国石油大学（华东）,机械,1,2,Linux\n",
            "姓名,性别,QQ,状态(已报名/未报名)\n12-29测试,男,100001,未报名\n",
        ]
        try await ImportLab.with { lab in
            let id = try await lab.take(sheets[which])
            #expect(try await lab.story(id) == ["2 ok"])
            #expect(
                try await lab.text("SELECT coalesce(graduation_school, '-') FROM crm_customer")
                    == ["兰州石化职业技术学院", "中国石油大学（华东）", "-"][which])
        }
    }
}

extension ImportLab {
    /// All that an import could leave behind, outside of its batch and rows.
    func footprint() async throws -> [String] {
        var found: [String] = []
        for table in [
            "crm_customer", "crm_customerdistribution", "crm_customer_course", "paidan.customer_remark",
            "paidan.assign_cycle", "paidan.assign_slot", "paidan.event", "paidan.delivery", "paidan.audit_log",
        ] {
            found.append(
                try await text(
                    "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \(raw: table) t"
                )
                    ?? "")
        }
        found.append(try await text("SELECT count(*)::text FROM paidan.outbox WHERE kind <> 'import.batch'") ?? "")
        return found
    }
}
