internal import Glibc

/// Rows of a CSV file.
final class CSVSource: RowSource {
    private var scanner: CSVScanner

    init(_ scanner: consuming CSVScanner) { self.scanner = scanner }

    func next(into row: inout SheetRow) throws(SheetError) -> Bool { try scanner.next(into: &row) }
}

/// Scans CSV (RFC 4180, and what Excel reads besides: any line end, quotes inside a cell without quotes).
///
/// A value, not a class: its fields are read for every byte, and a class checks each access.
@safe struct CSVScanner: ~Copyable {
    private var text: TextStream
    private let delimiter: UInt8
    private var builder: RowBuilder
    private var piece = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    private var position = 0
    private var number = 0
    private var ended = false
    private var isDeclarationNext: Bool
    /// The last byte of the piece before was a CR that ended a row: an LF that follows belongs to it.
    private var afterCR = false

    private enum State { case start, plain, quoted, afterQuote }

    init(_ text: consuming TextStream, sniffed: SniffedDelimiter, limits: SheetLimits) {
        self.text = text
        delimiter = sniffed.delimiter.byte
        builder = RowBuilder(limits: limits)
        // The line `sep=;` is for the program that reads, and no row: Excel does not show it.
        isDeclarationNext = sniffed.isDeclared
    }

    mutating func next(into row: inout SheetRow) throws(SheetError) -> Bool {
        if isDeclarationNext {
            isDeclarationNext = false
            _ = try scan()
            number = 0
        }
        while try scan() {
            if builder.isEmpty { continue }
            builder.finish(into: &row)
            return true
        }
        return false
    }

    private mutating func refill() throws(SheetError) -> Bool {
        if ended { return false }
        unsafe piece = try text.next()
        position = 0
        ended = unsafe piece.isEmpty
        return !ended
    }

    /// Reads one record into the builder.
    ///
    /// - Returns: false at the end of the file.
    private mutating func scan() throws(SheetError) -> Bool {
        number += 1
        builder.begin(number)
        var state = State.start
        var column = 0
        var isFresh = true
        while true {
            if unsafe position == piece.count {
                guard try refill() else {
                    if state == .quoted {
                        throw .format("第 \(number) 行第 \(column + 1) 列的引号没有闭合，后面的内容无法识别。请检查后重新上传。")
                    }
                    if isFresh { return false }
                    try builder.endCell(.text, column: column)
                    return true
                }
            }
            let bytes = unsafe piece.baseAddress!
            if afterCR {
                afterCR = false
                if unsafe bytes[position] == UInt8(ascii: "\n") {
                    position += 1
                    continue
                }
            }
            isFresh = false
            switch state {
            case .start, .plain:
                if state == .start {
                    if unsafe bytes[position] == UInt8(ascii: "\"") {
                        state = .quoted
                        position += 1
                        continue
                    }
                    state = .plain
                }
                switch unsafe try plain(bytes, column) {
                case .row: return true
                case .piece: break
                case .cell:
                    column += 1
                    state = .start
                }
            case .quoted:
                let rest = unsafe piece.count - position
                let found = unsafe memchr(bytes + position, Int32(UInt8(ascii: "\"")), rest)
                let run = unsafe found.map { unsafe UnsafeRawPointer($0) - UnsafeRawPointer(bytes) - position } ?? rest
                unsafe try add(bytes, run, column)
                if unsafe found != nil {
                    position += 1
                    state = .afterQuote
                }
            case .afterQuote:
                if unsafe bytes[position] == UInt8(ascii: "\"") {
                    unsafe try add(bytes, 1, column)
                    state = .quoted
                } else {
                    state = .plain
                }
            }
        }
    }

    private enum End { case cell, row, piece }

    /// Reads on in a cell, outside quotes, up to its end or that of the piece.
    private mutating func plain(_ bytes: UnsafePointer<UInt8>, _ column: Int) throws(SheetError) -> End {
        var end = position
        let count = unsafe piece.count
        var byte: UInt8 = 0
        while end < count {
            byte = unsafe bytes[end]
            if byte == delimiter || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
            end += 1
        }
        unsafe try add(bytes, end - position, column)
        if end == count { return .piece }
        position += 1
        try builder.endCell(.text, column: column)
        if byte == delimiter { return .cell }
        afterCR = byte == UInt8(ascii: "\r")
        return .row
    }

    private mutating func add(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ column: Int) throws(SheetError) {
        let fits = unsafe builder.append(bytes + position, count)
        position += count
        if !fits { throw builder.cellTooLong(column: column) }
    }
}
