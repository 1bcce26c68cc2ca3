/// What a cell holds.
public enum CellKind: UInt8, Sendable {
    case empty
    /// Text as it stands in the file. Every cell of a CSV file that is not empty is text.
    case text
    /// A number as the raw text of the file: `123456789`, `1.23457E+17`.
    case number
    /// `TRUE` or `FALSE`.
    case boolean
    /// An error value, `#N/A` for one.
    case error
    /// An ISO 8601 date or date and time (a cell with `t="d"`).
    case date
}

/// One row of a sheet, used again for each row that is read.
///
/// All cells lie in one buffer. A slice handed out stays valid; keeping one makes the next read allocate a new buffer.
public struct SheetRow: Sendable {
    struct Cell: Sendable {
        var offset: UInt32 = 0
        var length: UInt32 = 0
        var kind = CellKind.empty
    }

    /// The number that Excel shows beside the row, from 1.
    public internal(set) var number = 0
    /// The bytes of all cells, UTF-8; only the ranges that ``range(_:)`` gives are meaningful.
    public internal(set) var bytes: [UInt8] = []
    var cells: [Cell] = []

    public init() {}

    /// Cells up to the last one with content; every further column counts as empty.
    public var count: Int { cells.count }

    /// What the cell of a column (from 0) holds.
    public func kind(_ column: Int) -> CellKind { column < cells.count ? cells[column].kind : .empty }

    /// Where the cell of a column (from 0) lies in ``bytes``.
    public func range(_ column: Int) -> Range<Int> {
        guard column < cells.count else { return 0..<0 }
        let cell = cells[column]
        return Int(cell.offset)..<Int(cell.offset) + Int(cell.length)
    }

    /// The bytes, UTF-8, of the cell of a column (from 0).
    public func utf8(_ column: Int) -> ArraySlice<UInt8> { bytes[range(column)] }

    /// The text of the cell of a column (from 0), "" for an empty one.
    public func text(_ column: Int) -> String { String(decoding: utf8(column), as: UTF8.self) }
}
