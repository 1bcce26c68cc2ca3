internal import Glibc

/// Reads a worksheet and pauses after each row with content.
final class WorksheetPart: XMLHandler {
    private var scanner: WorksheetScanner

    init(strings: SharedStrings, limits: SheetLimits) { scanner = WorksheetScanner(strings: strings, limits: limits) }

    /// Hands out the row after which the part was paused.
    func takeRow(into row: inout SheetRow) { scanner.takeRow(into: &row) }

    override func start(_ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes) -> Bool {
        do { return unsafe try scanner.start(level, name, attributes) } catch { fail(error) }
        return false
    }

    override func text(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        do { unsafe try scanner.text(bytes, count) } catch { fail(error) }
    }

    override func end(_ level: Int) {
        do { if try scanner.end(level) { pause() } } catch { fail(error) }
    }
}

/// Scans `worksheet / sheetData / row / c / (v | is / (t | r / t))`.
///
/// A value, not a class: its fields are used for every element, and a class checks each access.
struct WorksheetScanner: ~Copyable {
    private enum Value { case shared, string, inline, number, boolean, error, date }

    private var builder: RowBuilder
    private let strings: SharedStrings
    private var rowNumber = 0
    /// Whether the row does not say its number, so that its first cell may.
    private var isRowImplied = false
    private var column = -1
    private var value = Value.number
    private var inText = false
    private var inInline = false
    private var hasData = false

    init(strings: SharedStrings, limits: SheetLimits) {
        self.strings = strings
        builder = RowBuilder(limits: limits)
    }

    mutating func takeRow(into row: inout SheetRow) { builder.finish(into: &row) }

    /// An element begins.
    ///
    /// - Returns: whether it is one of the path.
    mutating func start(
        _ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes
    ) throws(SheetError) -> Bool {
        switch level {
        case 3:
            guard unsafe XMLName.equal(name, "c") else { return false }
            try startCell(attributes)
            return true
        case 4:
            inInline = unsafe XMLName.equal(name, "is") && (value == .inline || builder.length == 0)
            if inInline { value = .inline }
            inText = unsafe value != .inline && XMLName.equal(name, "v")
            return inText || inInline
        case 5, 6:
            inText = unsafe inInline && XMLName.equal(name, "t")
            return unsafe inText || inInline && level == 5 && XMLName.equal(name, "r")
        case 2:
            guard unsafe XMLName.equal(name, "row") else { return false }
            try startRow(attributes)
            return true
        case 1:
            // A second one is none of the schema's, and must not be read as more rows.
            guard unsafe !hasData && XMLName.equal(name, "sheetData") else { return false }
            hasData = true
            return true
        case 0: return unsafe XMLName.equal(name, "worksheet")
        default: return false
        }
    }

    mutating func text(_ bytes: UnsafePointer<UInt8>, _ count: Int) throws(SheetError) {
        if unsafe inText && !builder.append(bytes, count) { throw builder.cellTooLong(column: column) }
    }

    /// An element of the path ends.
    ///
    /// - Returns: whether it was a row with content.
    mutating func end(_ level: Int) throws(SheetError) -> Bool {
        inText = false
        if level == 3 { try endCell() }
        return level == 2 && !builder.isEmpty
    }

    private mutating func startRow(_ attributes: XMLAttributes) throws(SheetError) {
        let before = rowNumber
        if let text = unsafe attributes.value("r") {
            guard let number = unsafe Self.digits(text), number > before else {
                throw .format("工作簿已损坏：第 \(before) 行之后的行号不对。请用 Excel 打开后重新另存。")
            }
            rowNumber = number
            isRowImplied = false
        } else {
            rowNumber = before + 1
            isRowImplied = true
        }
        column = -1
        builder.begin(rowNumber)
    }

    private mutating func startCell(_ attributes: XMLAttributes) throws(SheetError) {
        var reference: UnsafePointer<CChar>?
        var type: UnsafePointer<CChar>?
        unsafe attributes.readCell(reference: &reference, type: &type)
        value = unsafe type.map { unsafe Self.value($0) } ?? .number
        column += 1
        guard var place = unsafe reference else { return }
        guard let named = unsafe Self.column(&place) else {
            throw .format("工作簿已损坏：第 \(rowNumber) 行有单元格的引用不对。请用 Excel 打开后重新另存。")
        }
        column = named
        if isRowImplied {
            isRowImplied = false
            if let number = unsafe Self.digits(place), number > rowNumber {
                rowNumber = number
                builder.begin(number)
            }
        }
    }

    private mutating func endCell() throws(SheetError) {
        if value == .string || value == .inline {
            let length = unsafe EscapedText.unescape(builder.pointer, builder.length)
            builder.truncate(length)
            return try builder.endCell(.text, column: column)
        }
        if builder.length == 0 { return }
        switch value {
        case .shared:
            guard let index = unsafe Self.index(builder.pointer, builder.length), index < strings.table.count else {
                throw .format("工作簿已损坏：第 \(rowNumber) 行第 \(column + 1) 列引用了不存在的共享文字。请用 Excel 打开后重新另存。")
            }
            builder.truncate(0)
            let (start, length) = unsafe strings.table.string(index)
            if unsafe !builder.append(start, length) { throw builder.cellTooLong(column: column) }
            try builder.endCell(.text, column: column)
        case .boolean:
            let isTrue =
                unsafe builder.pointer[0] == UInt8(ascii: "1") || builder.pointer[0] | 0x20 == UInt8(ascii: "t")
            builder.truncate(0)
            let text: StaticString = isTrue ? "TRUE" : "FALSE"
            unsafe _ = builder.append(text.utf8Start, text.utf8CodeUnitCount)
            try builder.endCell(.boolean, column: column)
        case .error: try builder.endCell(.error, column: column)
        case .date: try builder.endCell(.date, column: column)
        case .number, .string, .inline: try builder.endCell(.number, column: column)
        }
    }

    // MARK: Attribute values

    private static func value(_ type: UnsafePointer<CChar>) -> Value {
        switch unsafe UInt8(bitPattern: type[0]) {
        case UInt8(ascii: "s"): unsafe type[1] == 0 ? .shared : .string
        case UInt8(ascii: "i"): .inline
        case UInt8(ascii: "b"): .boolean
        case UInt8(ascii: "e"): .error
        case UInt8(ascii: "d"): .date
        default: .number
        }
    }

    /// The column, from 0, that the letters of a reference mean; moves past them.
    private static func column(_ place: inout UnsafePointer<CChar>) -> Int? {
        var column = 0
        while true {
            let letter = unsafe UInt8(bitPattern: place[0]) & 0xDF
            guard letter >= UInt8(ascii: "A") && letter <= UInt8(ascii: "Z") else { break }
            column = column * 26 + Int(letter - UInt8(ascii: "A")) + 1
            if column > 1 << 20 { return nil }
            unsafe place += 1
        }
        return column == 0 ? nil : column - 1
    }

    private static func digits(_ text: UnsafePointer<CChar>) -> Int? {
        unsafe index(UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self), strlen(text))
    }

    /// A number of digits alone, under 10⁹; white space around it is allowed, as XML Schema does.
    private static func index(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        var i = 0
        var end = count
        while unsafe i < end && bytes[i] <= 0x20 { i += 1 }
        while unsafe i < end && bytes[end - 1] <= 0x20 { end -= 1 }
        guard i < end && end - i <= 9 else { return nil }
        var number = 0
        while i < end {
            let digit = unsafe bytes[i] &- UInt8(ascii: "0")
            if digit > 9 { return nil }
            number = number * 10 + Int(digit)
            i += 1
        }
        return number
    }
}

extension XMLAttributes {
    /// Where a cell stands and of which type it is, in one pass: this runs for each cell.
    @inline(__always)
    func readCell(reference: inout UnsafePointer<CChar>?, type: inout UnsafePointer<CChar>?) {
        var i = 0
        while let key = unsafe raw[i] {
            if unsafe key[0] != 0 && key[1] == 0 {
                if unsafe key[0] == CChar(UInt8(ascii: "r")) { unsafe reference = raw[i + 1] }
                if unsafe key[0] == CChar(UInt8(ascii: "t")) { unsafe type = raw[i + 1] }
            }
            i += 2
        }
    }
}
