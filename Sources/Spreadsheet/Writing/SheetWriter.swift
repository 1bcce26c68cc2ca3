/// Writes a sheet row by row in flat memory, as CSV or as a workbook with one sheet.
///
/// A writer is used by one task or thread at a time. Copies of a writer share what they write.
public struct SheetWriter {
    private let sink: any RowSink

    /// - Parameters:
    ///   - format: for CSV the encoding (with its mark or without) and the delimiter.
    ///   - sheet: the name of the workbook's sheet; no matter for CSV.
    ///   - neutralisesFormulas: puts `'` before a CSV cell that begins with `=`, `+`, `-` or `@`, which Excel would
    ///     run as a formula, quotes or not. A workbook holds such text as text and needs no help.
    ///   - output: takes the file's bytes, in pieces of about 64 KB; what it throws comes out of the call that wrote.
    /// - Throws: ``SheetError`` `.format` if the machine lacks the encoding.
    public init(
        format: SheetFormat, sheet: String = "Sheet1", neutralisesFormulas: Bool = true,
        output: @escaping ([UInt8]) throws -> Void
    ) throws {
        switch format {
        case .csv(let encoding, let delimiter):
            sink = try CSVSink(
                encoding: encoding, delimiter: delimiter, neutralisesFormulas: neutralisesFormulas, output: output)
        case .xlsx:
            sink = try WorkbookSink(sheet: sheet, output: output)
        }
    }

    /// Writes to a new file at `path`, in place of any other there.
    public init(
        format: SheetFormat, sheet: String = "Sheet1", neutralisesFormulas: Bool = true, path: String
    ) throws {
        let file = try OutputFile(path: path)
        try self.init(format: format, sheet: sheet, neutralisesFormulas: neutralisesFormulas) { bytes in
            try file.write(bytes)
        }
    }

    /// Adds a cell to the row.
    public mutating func cell(_ text: String) throws {
        var text = text
        try text.withUTF8 { unsafe try sink.cell($0) }
    }

    /// Adds a cell to the row, given as UTF-8.
    public mutating func cell(_ utf8: ArraySlice<UInt8>) throws {
        let isValid = unsafe utf8.withUnsafeBytes { unsafe UTF8Check.validPrefix($0) == $0.count }
        if !isValid { return try cell(String(decoding: utf8, as: UTF8.self)) }
        unsafe try utf8.withUnsafeBufferPointer { unsafe try sink.cell($0) }
    }

    /// Ends the row and begins the next.
    public mutating func endRow() throws { try sink.endRow() }

    /// Writes a whole row.
    public mutating func row(_ cells: [String]) throws {
        for cell in cells { try self.cell(cell) }
        try endRow()
    }

    /// Writes all that is still to be written. The file is whole only after it; write nothing more.
    public mutating func finish() throws { try sink.finish() }
}

/// Where rows go.
protocol RowSink: AnyObject {
    func cell(_ utf8: UnsafeBufferPointer<UInt8>) throws
    func endRow() throws
    func finish() throws
}
