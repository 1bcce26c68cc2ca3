import Foundation
import OwnerThread
import Postgres
import Testing

@testable import CRM

/// A large sheet with 5 % dirt. `PAIDAN_BENCH_ROWS=100000` makes it a measurement; the figures go to stderr.
@Suite("Import: large sheets", .serialized)
struct LargeSheetTests {
    static let rows = ProcessInfo.processInfo.environment["PAIDAN_BENCH_ROWS"].flatMap { Int($0) } ?? 3000

    /// 1 in 20 rows is bad: a wrong QQ, a double, an unknown choice.
    static func csv(_ rows: Int) -> [UInt8] {
        var text = "姓名,性别,QQ,学历,毕业院校,公司,薪资,来源,备注\n"
        for row in 0..<rows {
            let qq = row % 60 == 19 ? "\(1_000_000 + row - 1)" : row % 60 == 39 ? "x" : "\(1_000_000 + row)"
            let education = row % 60 == 59 ? "本科" : "普通本科"
            text += "客户\(row),男,\(qq),\(education),兰州石化职业技术学院,某某科技有限公司\(row % 97),8000,qq群,\n"
        }
        return Array(text.utf8)
    }

    /// Rows of the sheet with this remainder of 60.
    private static func count(_ remainder: Int) -> Int { (rows + 59 - remainder) / 60 }

    @Test("counts are exact and memory is flat")
    func large() async throws {
        try await ImportLab.with(ImportLab.settings { ($0.stagingRows, $0.chunkRows) = (1000, 1000) }) { lab in
            let bytes = Self.csv(Self.rows)
            let clock = ContinuousClock()
            guard case .accepted(let ticket) = try await lab.upload(bytes) else { return }
            let start = clock.now
            try await lab.run(ticket.id)
            let stored = clock.now
            try await lab.assign()
            let end = clock.now
            try await lab.checkCounts(ticket.id)
            let view = try await lab.view(ticket.id)
            #expect(view.state == "done")
            #expect(view.rows.error == Self.count(39) + Self.count(59) && view.rows.duplicate == Self.count(19))
            #expect(view.assigned == view.rows.ok)
            FileHandle.standardError.write(
                Data("import of \(Self.rows) rows: stored \(stored - start), assigned \(end - stored)\n".utf8))
        }
    }
}
