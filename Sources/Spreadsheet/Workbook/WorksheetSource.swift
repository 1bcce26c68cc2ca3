/// The rows of one worksheet.
final class WorksheetSource: RowSource {
    let name: String
    private let part: WorksheetPart
    /// nil once the sheet is read or has failed.
    private var parser: PartParser<WorksheetPart>?
    /// Keeps the archive open as long as one of its parts.
    private let workbook: Workbook
    /// Whether the parser stands after a row that nobody has taken yet.
    private(set) var hasRows = false

    init(
        name: String, entry: consuming ArchiveEntry, strings: SharedStrings, limits: SheetLimits, workbook: Workbook
    ) throws(SheetError) {
        self.name = name
        self.workbook = workbook
        part = WorksheetPart(strings: strings, limits: limits)
        parser = try PartParser(entry, part)
        hasRows = try parser!.resume()
    }
    deinit { parser = nil }

    func next(into row: inout SheetRow) throws(SheetError) -> Bool {
        if !hasRows { hasRows = try parser?.resume() ?? false }
        guard hasRows else {
            parser = nil
            return false
        }
        hasRows = false
        part.takeRow(into: &row)
        return true
    }
}
