internal import Postgres
internal import Spreadsheet

/// A sheet of which the header is found: the next row is the first that may hold data.
final class OpenSheet {
    let header: SheetHeader
    private var reader: SheetReader
    private var row = SheetRow()

    /// - Throws: ``SheetError``, ``ImportFailure`` F_HEADER.
    init(path: String, sheet: String?, limits: SheetLimits) throws {
        reader = try SheetReader(path: path, sheet: sheet, limits: limits)
        var search = HeaderSearch()
        while try reader.next(into: &row), row.number <= HeaderSearch.rows {
            if let header = try search.offer(row, number: row.number) {
                self.header = header
                return
            }
        }
        throw search.failure
    }

    var format: SheetFormat { reader.format }
    var uses1904Dates: Bool { reader.uses1904Dates }

    /// Hands rows to `body` until it answers false or the sheet ends.
    func rows(_ body: (SheetRow) throws -> Bool) throws {
        while try reader.next(into: &row), try body(row) {}
    }
}

/// The data rows of one sheet, checked and ready to be copied.
final class ImportSource {
    private let spool: Spool
    private let store: ImportStore
    private let state: ImportState
    private let importID: [UInt8]
    private let sheet: OpenSheet
    private let rules: RowRules
    /// Customer ids reserved and not used yet, the lowest last.
    private var ids: [Int] = []
    /// Some data row has been met, before the checkpoint too.
    private(set) var hasRows = false

    private init(_ spool: Spool, _ sheet: OpenSheet, _ lists: ImportLists, _ state: ImportState, _ store: ImportStore) {
        self.spool = spool
        self.sheet = sheet
        self.state = state
        self.store = store
        importID = Array("\(state.id)".utf8)
        rules = RowRules(
            fields: sheet.header.fields, requiresGender: store.settings.gender == .required,
            contacts: ContactRules(loose: store.settings.contact == .loose),
            dates: DateRules(from1904: sheet.uses1904Dates), lists: lists, today: state.today)
    }

    /// Opens the sheet, finds its header and notes both with the batch.
    ///
    /// - Throws: ``SheetError``, ``ImportFailure`` F_HEADER; PostgreSQL's errors.
    static func open(_ spool: Spool, _ state: ImportState, _ store: ImportStore) async throws -> ImportSource {
        let sheet = try OpenSheet(path: spool.path, sheet: state.sheet, limits: store.settings.limits)
        try await store.saveHeader(state.id, sheet.header, sheet.format)
        return ImportSource(spool, sheet, try await store.lists(), state, store)
    }

    /// The next rows after the checkpoint; empty at the end of the sheet.
    func next() async throws -> StagedRows {
        let size = store.settings.stagingRows
        if !state.isDryRun, ids.count < size {
            ids = try await store.reserveCustomerIDs(size).reversed() + ids
        }
        return try read(size)
    }

    private func read(_ size: Int) throws -> StagedRows {
        var rows = StagedRows(capacity: size * 160)
        try sheet.rows { row in
            if row.number <= state.checkpoint.row {
                hasRows = true
                return true
            }
            guard let checked = rules.check(row) else { return true }
            hasRows = true
            let id = checked.isValid ? ids.popLast() : nil
            rows.append(checked, number: row.number, importID: importID, customerID: id)
            return rows.rows < size
        }
        return rows
    }
}
