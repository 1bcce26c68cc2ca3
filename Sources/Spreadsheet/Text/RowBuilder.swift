internal import Glibc

/// Gathers the cells of one row and holds them to the limits.
@safe struct RowBuilder: ~Copyable {
    private(set) var bytes = Arena<UInt8>()
    private var cells: [SheetRow.Cell] = []
    private var start = 0
    private(set) var number = 0
    let limits: SheetLimits
    /// No cell within the limit is longer, whatever its characters.
    let mostBytes: Int

    init(limits: SheetLimits) {
        self.limits = limits
        mostBytes = limits.cellCharacters * 4
    }

    mutating func begin(_ number: Int) {
        self.number = number
        bytes.truncate(0)
        cells.removeAll(keepingCapacity: true)
        start = 0
    }

    var isEmpty: Bool { cells.isEmpty }
    /// Bytes of the cell that is being gathered.
    @inline(__always) var length: Int { bytes.count - start }
    /// The first byte of the cell that is being gathered; valid until the next append.
    @inline(__always) var pointer: UnsafeMutablePointer<UInt8> { unsafe bytes.base + start }

    /// Adds to the cell that is being gathered.
    ///
    /// - Returns: false if the cell is now longer than the limit can allow.
    @inline(__always)
    mutating func append(_ more: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        unsafe bytes.append(more, count)
        return length <= mostBytes
    }

    /// Shortens the cell that is being gathered.
    mutating func truncate(_ length: Int) { bytes.truncate(start + length) }

    /// Ends the cell that is being gathered; one without content leaves no trace.
    ///
    /// A cell that stands there already is replaced.
    /// - Throws: ``SheetError`` `.limit` if the row, the column or the length of a cell with content is over its limit.
    @inline(__always)
    mutating func endCell(_ kind: CellKind, column: Int) throws(SheetError) {
        let length = length
        if length == 0 { return }
        if column >= limits.columns { throw limits.tooManyColumns(row: number) }
        if number > limits.rows { throw limits.tooManyRows() }
        if length > limits.cellCharacters { try checkCharacters(column) }
        // Only cells that a row names again and again get here.
        if bytes.count > limits.columns * mostBytes { throw limits.tooManyColumns(row: number) }
        while cells.count <= column { cells.append(.init()) }
        cells[column] = .init(offset: UInt32(truncatingIfNeeded: start), length: UInt32(length), kind: kind)
        start = bytes.count
    }

    private func checkCharacters(_ column: Int) throws(SheetError) {
        var characters = 0
        for i in start..<bytes.count where unsafe bytes.base[i] & 0xC0 != 0x80 { characters += 1 }
        if characters > limits.cellCharacters { throw limits.cellTooLong(row: number, column: column) }
    }

    func cellTooLong(column: Int) -> SheetError { limits.cellTooLong(row: number, column: column) }

    /// Hands the row out.
    mutating func finish(into row: inout SheetRow) {
        row.number = number
        swap(&row.cells, &cells)
        let used = bytes.count
        if row.bytes.count < used { row.bytes = [UInt8](repeating: 0, count: used + used / 2) }
        unsafe row.bytes.withUnsafeMutableBytes { unsafe _ = memcpy($0.baseAddress!, bytes.base, used) }
    }
}
