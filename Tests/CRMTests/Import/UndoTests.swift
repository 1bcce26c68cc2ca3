import Jobs
import Postgres
import Testing

@testable import CRM

@Suite("Import: undo")
struct UndoTests {
    @Test("customers that only the import wrote to go, the others stay; slots are free again")
    func undone() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(
                """
                姓名,QQ,转介绍,备注,咨询课程
                甲,100001,100003,,
                乙,100002,,记,Python
                丙,100003,,,
                丁,100004,,,
                戊,100005,,,
                己,100006,,,
                庚,100007,,,
                """)
            // 丁 has a note, 戊 was edited by a page of the CRM, 庚 deleted by one.
            _ = try await lab.pool.query(
                """
                INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
                SELECT id, consultant_id, '聊过' FROM crm_customer WHERE qq = '100004'
                """)
            _ = try await lab.pool.query("UPDATE crm_customer SET company = '某公司' WHERE qq = '100005'")
            _ = try await lab.pool.query(
                """
                WITH gone AS (
                    DELETE FROM crm_customerdistribution d USING crm_customer c
                    WHERE c.id = d.customer_id AND c.qq = '100007')
                DELETE FROM crm_customer WHERE qq = '100007'
                """)
            let result = try await lab.undo(id)
            #expect(result.removed == 4 && result.kept.count == 2)
            #expect(try await lab.text("SELECT string_agg(qq, ',' ORDER BY qq) FROM crm_customer") == "100004,100005")
            let view = try await lab.view(id)
            #expect(view.state == "undone")
            try await lab.checkCounts(id)
            #expect(try await lab.count("SELECT count(*) FROM paidan.distribution_archive WHERE why = 'undone'") == 4)
            #expect(try await lab.count("SELECT count(*) FROM paidan.customer_remark") == 0)
            // I6 and I13: used slots are the distributions of origin auto that are left or archived.
            #expect(
                try await lab.count(
                    """
                    SELECT (SELECT count(*) FROM paidan.assign_slot WHERE state = 'used' OR reason = 'undone')
                        - (SELECT count(*) FROM crm_customerdistribution WHERE origin = 'auto')
                        - (SELECT count(*) FROM paidan.distribution_archive WHERE origin = 'auto')
                        + (SELECT count(*) FROM paidan.assign_slot WHERE state = 'free' AND at IS NOT NULL)
                    """) == 0)
            await #expect(throws: ImportRefusal.state("undone")) {
                _ = try await lab.store.requestUndo(id, actor: "user:1")
            }
            // The same file may come again.
            let again = try await lab.upload(Array("姓名,QQ\n甲,100001\n".utf8))
            guard case .accepted = again else {
                Issue.record("refused")
                return
            }
        }
    }

    @Test("only imports that are over, and no dry runs, can be undone")
    func refusals() async throws {
        try await ImportLab.with { lab in
            await #expect(throws: ImportRefusal.notFound) {
                _ = try await lab.store.requestUndo(99, actor: "user:1")
            }
            let dry = try await lab.take("姓名,QQ\n甲,100001\n") { $0.dryRun = true }
            await #expect(throws: ImportRefusal.state("done")) {
                _ = try await lab.store.requestUndo(dry, actor: "user:1")
            }
            // A job that somebody enqueued without asking says so too, rather than that it undid nothing.
            guard case .accepted(let waiting) = try await lab.upload(Array("姓名,QQ\n乙,100002\n".utf8)) else {
                Issue.record("refused")
                return
            }
            for (id, code) in [(99, "not_found"), (dry, "dry_run"), (waiting.id, "state")] {
                guard case .refused(code, let message) = try await lab.store.undoGround(id) else {
                    Issue.record("import \(id) may be undone")
                    continue
                }
                #expect(message.contains("\(id)"))
            }
        }
    }
}
