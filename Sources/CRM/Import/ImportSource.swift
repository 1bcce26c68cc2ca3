internal import Postgres
internal import Spreadsheet

/// The data rows of one sheet, checked and ready to be copied.
struct ImportSource: ~Copyable {
    private let spool: Spool
    private let store: ImportStore
    private let state: ImportState
    private let importID: [UInt8]
    private var reader: SheetReader
    private var row = SheetRow()
    private let rules: RowRules
    /// Customer ids reserved and not used yet, the lowest last.
    private var ids: [Int] = []
    /// Some data row has been met, before the checkpoint too.
    private(set) var hasRows = false

    /// Opens the sheet and finds its header.
    ///
    /// - Throws: ``SheetError``, ``ImportFailure`` F_HEADER; PostgreSQL's errors.
    init(_ spool: Spool, _ state: ImportState, _ store: ImportStore) async throws {
        let settings = store.settings
        var reader = try SheetReader(path: spool.path, sheet: state.sheet, limits: settings.limits)
        let header = try Self.header(&reader, &row)
        try await store.saveHeader(state.id, header, reader.format)
        rules = RowRules(
            fields: header.fields, requiresGender: settings.gender == .required,
            contacts: ContactRules(loose: settings.contact == .loose),
            dates: DateRules(from1904: reader.uses1904Dates), lists: try await store.lists(), today: state.today)
        self.spool = spool
        self.reader = reader
        self.state = state
        self.store = store
        importID = Array("\(state.id)".utf8)
    }

    private static func header(_ reader: inout SheetReader, _ row: inout SheetRow) throws -> SheetHeader {
        var search = HeaderSearch()
        while try reader.next(into: &row), row.number <= HeaderSearch.rows {
            if let header = try search.offer(row, number: row.number) { return header }
        }
        throw search.failure
    }

    /// The next rows after the checkpoint; empty at the end of the sheet.
    mutating func next() async throws -> StagedRows {
        let size = store.settings.stagingRows
        if !state.isDryRun, ids.count < size {
            ids = try await store.reserveCustomerIDs(size).reversed() + ids
        }
        var rows = StagedRows(capacity: size * 160)
        while rows.rows < size, try reader.next(into: &row) {
            if row.number <= state.checkpoint.row {
                hasRows = true
                continue
            }
            guard let checked = rules.check(row) else { continue }
            hasRows = true
            let id = checked.isValid ? ids.popLast() : nil
            rows.append(checked, number: row.number, importID: importID, customerID: id)
        }
        return rows
    }
}
