import Jobs
import Postgres
import Testing

@testable import CRM

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
