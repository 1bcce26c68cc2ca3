import Jobs
import Postgres
import Testing

@testable import CRM

@Suite("Import: undo")
struct UndoTests {
    private func undo(_ lab: ImportLab, _ id: Int) async throws -> UndoResult {
        _ = try await lab.store.requestUndo(id)
        var removed: Int
        repeat {
            removed = 0
            var after = 0
            while case let chunk = try await lab.store.undoChunk(id, after: after), let last = chunk.last {
                removed += chunk.removed
                after = last
            }
        } while removed > 0
        return try await lab.store.finishUndo(id, jobID: lab.newJobID())
    }

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
                """)
            // 丁 has a note, 戊 was edited by a page of the CRM.
            _ = try await lab.pool.query(
                """
                INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
                SELECT id, consultant_id, '聊过' FROM crm_customer WHERE qq = '100004'
                """)
            _ = try await lab.pool.query("UPDATE crm_customer SET company = '某公司' WHERE qq = '100005'")
            let result = try await undo(lab, id)
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
            await #expect(throws: ImportRefusal.state("undone")) { _ = try await lab.store.requestUndo(id) }
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
            await #expect(throws: ImportRefusal.notFound) { _ = try await lab.store.requestUndo(99) }
            let dry = try await lab.take("姓名,QQ\n甲,100001\n") { $0.dryRun = true }
            await #expect(throws: ImportRefusal.state("done")) { _ = try await lab.store.requestUndo(dry) }
        }
    }
}

@Suite("Import: error sheet")
struct ErrorSheetTests {
    @Test("it has the upload's columns, encoding and the reasons; mended, it imports")
    func roundTrip() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("标题\n姓名;QQ;爱好\n甲;100001;足球\n乙;x;;\n丙;100003;\n丁;100001;棋\n")
            let sheet = try await lab.errorSheet(id)
            #expect(
                sheet.split(whereSeparator: \.isNewline).map(String.init) == [
                    "姓名;QQ;爱好;错误原因", "乙;x;;QQ号格式不对，应为 5–12 位数字且不以 0 开头", "丁;100001;棋;与第 3 行的QQ号重复",
                ])
            let again = try await lab.take(
                sheet.replacing("乙;x", with: "乙;100002").replacing("丁;100001", with: "丁;100004"))
            #expect(try await lab.story(again) == ["2 ok", "3 ok"])
            #expect(try await lab.view(again).warnings.count == 1)
            #expect(try await ErrorSheet(lab.store, id).fileName == "客户.errors.csv")
        }
    }

    @Test("a workbook's is a workbook, without the reasons of the round before")
    func workbook() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ"), .text("错误原因")])
            book.row([.text("甲"), .number("1"), .text("旧的原因")])
            let id = try await lab.take(book.bytes, "a.xlsx")
            let bytes = try await lab.errorBytes(id)
            #expect(bytes.starts(with: [0x50, 0x4B]))
            let again = try await lab.take(bytes, "a.errors.xlsx")
            #expect(try await lab.story(again) == ["2 error E_QQ_FORMAT"])
            #expect(
                try await lab.text("SELECT header::text FROM paidan.import_batch WHERE id = \(again)")
                    == "[\"姓名\", \"QQ\", \"错误原因\"]")
        }
    }

    @Test("pieces are pruned after their time, and then there is no error sheet")
    func pruned() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ\n甲,x\n")
            #expect(try await lab.store.pruneFiles() == 0)
            _ = try await lab.pool.query("UPDATE paidan.import_batch SET finished_at = now() - interval '31 days'")
            #expect(try await lab.store.pruneFiles() == 1)
            await #expect(throws: ImportRefusal.fileRemoved) { _ = try await ErrorSheet(lab.store, id) }
            _ = try await ImportUpload(lab.store, NewImport(fileName: "half.csv"))
            #expect(try await lab.store.removeAbandoned() == 0)
            #expect(try await lab.store.removeAbandoned(olderThan: .zero) == 1)
        }
    }
}
