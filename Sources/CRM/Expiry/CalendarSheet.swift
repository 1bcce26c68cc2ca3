internal import Foundation
internal import Spreadsheet

/// Work days and holidays as a sheet says them: a date and a yes or no in each row, a header first or none.
public struct CalendarSheet: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let day: Day
        public let isWorkday: Bool
    }

    /// In the order of the days, each once.
    public let entries: [Entry]

    /// The sheet is not a calendar; it names every wrong row.
    public struct Refusal: Error, Sendable, Equatable {
        /// `line 3: …`
        public let problems: [String]
    }

    private static let words = [
        "1": true, "true": true, "yes": true, "y": true, "是": true, "工作日": true, "上班": true,
        "0": false, "false": false, "no": false, "n": false, "否": false, "休息日": false, "休息": false, "节假日": false,
    ]
    /// Problems named at most.
    private static let mostProblems = 20

    /// Reads CSV (any encoding that sheets have) or xlsx.
    ///
    /// - Throws: ``Refusal``; `SheetError` if the file is no sheet.
    public static func read(path: String) throws -> CalendarSheet {
        var reader = try SheetReader(path: path)
        let dates = DateRules(from1904: reader.uses1904Dates)
        var row = SheetRow()
        var days: [Day: (isWorkday: Bool, line: Int)] = [:]
        var problems: [String] = []
        var isFirst = true
        while try reader.next(into: &row) {
            let date = CellText.trimmed(row.utf8(0))
            let word = CellText.folded(row.utf8(1))
            let day = dates.parse(date, isNumber: row.kind(0) == .number)
            let isWorkday = words[word]
            defer { isFirst = false }
            if isFirst, day == nil, isWorkday == nil { continue }
            guard let day else {
                problems.append("line \(row.number): the first column must be a date such as 2026-01-31")
                continue
            }
            guard let isWorkday else {
                problems.append(
                    "line \(row.number): the second column must be 1, true, 是 or 工作日, or 0, false, 否 or 休息日")
                continue
            }
            if let earlier = days[day], earlier.isWorkday != isWorkday {
                problems.append("line \(row.number): line \(earlier.line) says otherwise of \(day)")
            }
            days[day] = (isWorkday, row.number)
        }
        if problems.isEmpty, days.isEmpty { problems = ["the file names no day"] }
        guard problems.isEmpty else {
            let more = problems.count - mostProblems
            throw Refusal(
                problems: Array(problems.prefix(mostProblems)) + (more > 0 ? ["and \(more) lines more"] : []))
        }
        return CalendarSheet(
            entries: days.map { Entry(day: $0.key, isWorkday: $0.value.isWorkday) }.sorted { $0.day < $1.day })
    }
}
