/// Reads a sheet row by row in flat memory. What the file is shows its content, never its name.
///
/// A reader is used by one task or thread at a time. Copies of a reader share their position.
public struct SheetReader {
    /// What the file is.
    public let format: SheetFormat
    /// The sheet that is read; nil for a CSV file.
    public let sheet: String?
    /// Whether serial dates count from 1904-01-01 (0) instead of 1899-12-31 (1).
    public let uses1904Dates: Bool
    private let source: any RowSource

    /// Opens a file and finds out what it is.
    ///
    /// - Parameters:
    ///   - path: the file; it must not change while it is read.
    ///   - sheet: the sheet's name, hidden ones too; nil or "" for the first visible one with content.
    ///   - limits: how large the file may be.
    /// - Throws: ``SheetError`` if it is no sheet, empty, encrypted, damaged, or over a limit that shows at once.
    public init(path: String, sheet: String? = nil, limits: SheetLimits = .init()) throws(SheetError) {
        let wanted = sheet.flatMap { $0.isEmpty ? nil : $0 }
        let file = try File(path: path)
        if file.size == 0 { throw .init(code: .empty, message: "文件是空的（0 字节），请检查后重新上传。") }
        if file.size > limits.fileBytes { throw limits.fileTooLarge() }
        switch try FileKind(of: file) {
        case .workbook:
            let workbook = try Workbook(path: path, size: file.size, limits: limits)
            let source = try workbook.open(sheet: wanted, limits: limits)
            format = .xlsx
            self.sheet = source.name
            uses1904Dates = workbook.uses1904Dates
            self.source = source
        case .text(let encoding):
            if wanted != nil { throw .init(code: .sheet, message: "CSV 文件没有工作表，请去掉 sheet 参数。") }
            let sniffed = try SniffedDelimiter(of: try TextStream(file: try File(path: path), encoding: encoding))
            format = .csv(encoding: encoding, delimiter: sniffed.delimiter)
            self.sheet = nil
            uses1904Dates = false
            let text = try TextStream(file: file, encoding: encoding)
            source = CSVSource(CSVScanner(text, sniffed: sniffed, limits: limits))
        }
    }

    /// Reads the next row with content into `row`; rows without are passed over, and counted.
    ///
    /// - Returns: false at the end of the sheet; `row` is then as it was.
    /// - Throws: ``SheetError`` if the file turns out to be damaged or over a limit. Do not read on after it.
    public mutating func next(into row: inout SheetRow) throws(SheetError) -> Bool { try source.next(into: &row) }
}

/// Where rows come from.
protocol RowSource: AnyObject {
    func next(into row: inout SheetRow) throws(SheetError) -> Bool
}
