import Jobs
import JobsPostgres
import Postgres
import Testing

@testable import CRM

@Suite("Import: undo and what has touched a customer")
struct UndoTouchTests {
    /// What somebody does to customer 100001, and why it stays then.
    struct Touch: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let why: KeptReason
        let sql: [SQL]

        init(_ description: String, _ why: KeptReason, _ sql: SQL...) {
            testDescription = description
            self.why = why
            self.sql = sql
        }
    }

    private static let it: SQL = "(SELECT id FROM crm_customer WHERE qq = '100001')"
    private static let owner: SQL = "(SELECT consultant_id FROM crm_customer WHERE qq = '100001')"
    private static let asService: SQL = "SELECT set_config('paidan.writer', 'service', true)"

    static let touches = [
        Touch(
            "a note", .note,
            "INSERT INTO crm_consultrecord (customer_id, consultant_id, note) SELECT \(it), \(owner), '聊过'"),
        Touch(
            "a note that was deleted again", .edited,
            "INSERT INTO crm_consultrecord (customer_id, consultant_id, note) SELECT \(it), \(owner), '聊过'",
            "DELETE FROM crm_consultrecord"),
        Touch(
            "a payment", .payment,
            "INSERT INTO crm_paymentrecord (customer_id, consultant_id) SELECT \(it), \(owner)"),
        Touch("a student", .student, "INSERT INTO crm_student (customer_id, username) SELECT \(it), 'u'"),
        Touch(
            "a referral by a customer of another import", .referral,
            "INSERT INTO crm_customer (qq, name, referral_from_id) SELECT '200001', '友', \(it)"),
        Touch("an edit by a page", .edited, "UPDATE crm_customer SET company = '某公司' WHERE qq = '100001'"),
        Touch(
            "an edit by the service", .edited, asService,
            "UPDATE crm_customer SET company = '某公司' WHERE qq = '100001'"),
        Touch(
            "a protection that was lifted again", .edited, asService,
            "UPDATE crm_customer SET protected_until = paidan.today() + 9 WHERE qq = '100001'",
            "UPDATE crm_customer SET protected_until = NULL WHERE qq = '100001'"),
        Touch(
            "a course that a page added", .edited,
            "INSERT INTO crm_customer_course (customer_id, course_id) SELECT \(it), 2"),
        Touch("a course that a page took away", .edited, "DELETE FROM crm_customer_course WHERE customer_id = \(it)"),
        Touch(
            "a course that was added and taken away again", .edited,
            "INSERT INTO crm_customer_course (customer_id, course_id) SELECT \(it), 2",
            "DELETE FROM crm_customer_course WHERE course_id = 2"),
        Touch(
            "a remark of a later import", .edited, asService,
            "INSERT INTO paidan.customer_remark (customer_id, import_id, note) SELECT \(it), 99, '记'"),
        Touch(
            "a memo on its distribution", .edited,
            "UPDATE crm_customerdistribution SET memo = '记' WHERE customer_id = \(it)"),
        Touch(
            "a change that is only in the audit log", .edited, asService,
            """
            INSERT INTO paidan.audit_log (actor, action, entity, entity_id)
            SELECT 'user:3', 'customer.follow_up', 'crm_customer', \(it)::text
            """),
        Touch(
            "it was given back", .moved, asService,
            "UPDATE crm_customerdistribution SET status = 6 WHERE customer_id = \(it)",
            "UPDATE crm_customer SET consultant_id = NULL, pool_since = paidan.today() WHERE qq = '100001'"),
        Touch("a deal by a page", .moved, "UPDATE crm_customer SET status = 1 WHERE qq = '100001'"),
        Touch(
            "its days are over, and no sweep has met it", .moved,
            "ALTER TABLE crm_customer DISABLE TRIGGER USER", asService,
            """
            UPDATE crm_customer SET recv_date = paidan.today() - 30, last_consult_date = paidan.today() - 30
            WHERE qq = '100001'
            """, "ALTER TABLE crm_customer ENABLE TRIGGER USER"),
    ]

    @Test("a customer that somebody touched stays and is named, with the reason", arguments: touches)
    func touched(_ touch: Touch) async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ,咨询课程,备注\n甲,100001,Python,记\n乙,100002,Python,记\n")
            _ = try await lab.pool.transaction { tx in
                for statement in touch.sql { _ = try tx.query(statement) }
            }
            let result = try await lab.undo(id)
            #expect(result.removed == 1)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE import_id = \(id)") == 1)
            let view = try await lab.view(id)
            #expect(view.state == "undone" && view.undo?.removed == 1 && view.undo?.kept == 1)
            #expect(view.undo?.keptRows.map(\.why) == [touch.why])
            #expect(view.undo?.keptRows.map(\.row) == [2])
            #expect(view.undo?.keptRows.map(\.customerID) == result.kept.map { "\($0)" })
            try await lab.checkCounts(id)
            #expect(try await lab.broken() == [])
        }
    }

    @Test("untouched ones go: pending, named seller, enrolled, with remarks and courses; each leaves an audit row")
    func untouched() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(
                """
                姓名,QQ,课程顾问,状态,咨询课程,备注,转介绍
                甲,100001,wanger,,Python;Linux,记,
                乙,100002,,已报名,,,100001
                丙,100003,wanger,已报名,,,
                丁,100004,,,Linux,,100006
                戊,100005,,,,,
                己,100006,,,,,
                """)
            let result = try await lab.undo(id)
            let kept = try await lab.view(id).undo?.keptRows
            #expect(result.removed == 6 && result.kept == [], "\(kept ?? [])")
            #expect(try await lab.count("SELECT count(*) FROM paidan.audit_log WHERE action = 'customer.undo'") == 6)
            #expect(
                try await lab.text(
                    """
                    SELECT string_agg(action || ' ' || actor, ',' ORDER BY id) FROM paidan.audit_log
                    WHERE entity = 'paidan.import_batch'
                    """) == "import.undo user:1,import.undone job:import.undo")
            #expect(try await lab.broken() == [])
        }
    }

    @Test("slots of the open cycle come back, first in their places; those of a closed cycle are void")
    func slots() async throws {
        try await ImportLab.with { lab in
            // A cycle is 王二 李一 李一: the first is used up, the second has one slot left.
            let id = try await lab.take("姓名,QQ\n甲,100001\n乙,100002\n丙,100003\n丁,100004\n戊,100005\n")
            #expect(try await lab.undo(id).removed == 5)
            let slots: SQL = """
                SELECT string_agg(state || coalesce(' ' || reason, ''), ',' ORDER BY cycle_no, pos)
                FROM paidan.assign_slot
                """
            #expect(
                try await lab.text(slots) == "void undone,void undone,void undone,free,free,free")
            #expect(try await lab.broken() == [])
            try await lab.take("姓名,QQ\n甲,100001\n乙,100002\n")
            #expect(try await lab.text(slots) == "void undone,void undone,void undone,used,used,free")
            #expect(
                try await lab.text(
                    """
                    SELECT string_agg(u.username, ',' ORDER BY d.id) FROM crm_customerdistribution d
                    JOIN crm_userinfo u ON u.id = d.user_id
                    """) == "wanger,liyi")
            #expect(try await lab.broken() == [])
        }
    }

    @Test("slots of a seller who has left, or has no share any more, do not come back")
    func slotsOfOneWhoLeft() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ\n甲,100001\n乙,100002\n")
            _ = try await lab.pool.query("UPDATE crm_salerank SET num = 0 WHERE user_id = 2")
            #expect(try await lab.undo(id).removed == 2)
            #expect(
                try await lab.text(
                    "SELECT string_agg(coalesce(reason, state), ',' ORDER BY pos) FROM paidan.assign_slot")
                    == "num,free,free")
            #expect(try await lab.broken() == [])
        }
    }

    @Test("killed in the middle, cancelled, asked for twice: it goes on where it stood, and ends once")
    func interrupted() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ,转介绍\n甲,100001,100002\n乙,100002,\n丙,100003,\n")
            // The worker dies after its first pass over the rows; 乙 waits for 甲 to go.
            _ = try await lab.store.requestUndo(id, actor: "user:1")
            #expect(try await lab.undoOnce(id) == 2)
            #expect(try await lab.view(id).state == "done")
            #expect(try await lab.broken() == [])
            // A job that was cancelled over HTTP has its receipt already: it ends nothing.
            _ = try await lab.pool.transaction {
                try Receipts.take("cancelled", kind: "import.undo", outcome: .cancelled, in: &$0)
            }
            _ = try await lab.store.finishUndo(id, jobID: "cancelled")
            #expect(try await lab.view(id).state == "done")

            let result = try await lab.undo(id)
            #expect(result.removed == 3 && result.kept == [])
            // The first job runs on after the second has ended the undo.
            #expect(try await lab.undoOnce(id) == 0)
            #expect(try await lab.store.finishUndo(id, jobID: lab.newJobID()) == result)
            #expect(
                try await lab.count("SELECT count(*) FROM paidan.audit_log WHERE action = 'import.undone'") == 1)
            await #expect(throws: ImportRefusal.state("undone")) {
                _ = try await lab.store.requestUndo(id, actor: "user:1")
            }
            #expect(try await lab.broken() == [])
        }
    }

    @Test("an import that was cancelled is undone while its assignments still wait: they find nobody")
    func beforeAssignment() async throws {
        try await ImportLab.with { lab in
            guard case .accepted(let ticket) = try await lab.upload(Array("姓名,QQ\n甲,100001\n乙,100002\n丙,100003\n".utf8))
            else { throw LabError(message: "refused") }
            try await lab.run(ticket.id)
            // All rows stored, none assigned; the import ends as cancelled would.
            _ = try await lab.pool.query("UPDATE paidan.import_batch SET state = 'cancelled' WHERE id = \(ticket.id)")
            #expect(try await lab.undo(ticket.id).removed == 3)
            try await lab.assign()
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot") == 0)
            #expect(try await lab.count("SELECT count(*) FROM paidan.import_chunk WHERE assigned_at IS NULL") == 0)
            #expect(try await lab.broken() == [])
        }
    }

    @Test("a note that is being written while the undo runs keeps its customer, or finds none")
    func race() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(
                "姓名,QQ\n" + (1...40).map { "甲,\(100_000 + $0)\n" }.joined())
            let writers = Task {
                var written = 0
                for number in 1...40 {
                    do {
                        written += try await lab.pool.query(
                            """
                            INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
                            SELECT id, consultant_id, '聊过' FROM crm_customer WHERE qq = \("\(100_000 + number)")
                            """
                        ).affected
                    } catch let error as PostgresError where error.sqlState == "23503" {
                        continue
                    }
                }
                return written
            }
            let result = try await lab.undo(id)
            let written = try await writers.value
            #expect(result.removed + result.kept.count == 40)
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM crm_consultrecord r
                    WHERE NOT EXISTS (SELECT FROM crm_customer c WHERE c.id = r.customer_id)
                    """) == 0)
            #expect(try await lab.count("SELECT count(*) FROM crm_consultrecord") == written)
            #expect(try await lab.broken() == [])
        }
    }
}
