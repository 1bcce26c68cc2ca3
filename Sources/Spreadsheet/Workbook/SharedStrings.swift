/// The shared strings of a workbook: all bytes in one piece, an end for each, nothing decoded.
@safe struct SharedStringTable: ~Copyable {
    private var bytes = Arena<UInt8>()
    /// Where each string ends; it begins where the one before ends.
    private var ends = Arena<UInt32>()

    var count: Int { ends.count }
    /// Bytes of all strings.
    var size: Int { bytes.count }

    @inline(__always)
    func string(_ index: Int) -> (start: UnsafePointer<UInt8>, length: Int) {
        let start = unsafe index == 0 ? 0 : Int(ends.base[index - 1])
        return unsafe (UnsafePointer(bytes.base + start), Int(ends.base[index]) - start)
    }

    mutating func append(_ more: UnsafePointer<UInt8>, _ count: Int) { unsafe bytes.append(more, count) }

    mutating func endString(from start: Int) {
        let length = unsafe EscapedText.unescape(bytes.base + start, bytes.count - start)
        bytes.truncate(start + length)
        ends.append(UInt32(bytes.count))
    }

    mutating func trim() {
        bytes.trim()
        ends.trim()
    }
}

/// The shared strings of a workbook, for all its sheets.
final class SharedStrings {
    let table: SharedStringTable

    init(_ table: consuming SharedStringTable) { self.table = table }
}

/// Reads the part of the shared strings: `sst / si / (t | r / t)`; phonetic runs (`rPh`) are no text.
final class SharedStringsPart: XMLHandler {
    private var table = SharedStringTable()
    private var start = 0
    private var inText = false
    private let limits: SheetLimits

    init(limits: SheetLimits) { self.limits = limits }

    /// Gives the strings away; the part has none afterwards.
    func takeTable() -> SharedStringTable {
        var taken = SharedStringTable()
        swap(&taken, &table)
        return taken
    }

    override func start(_ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes) -> Bool {
        switch level {
        case 0: return unsafe XMLName.equal(name, "sst")
        case 1: return unsafe XMLName.equal(name, "si")
        case 2, 3:
            if unsafe XMLName.equal(name, "t") {
                inText = true
                return true
            }
            return unsafe level == 2 && XMLName.equal(name, "r")
        default: return false
        }
    }

    override func end(_ level: Int) {
        inText = false
        if level == 1 {
            table.endString(from: start)
            start = table.size
        } else if level == 0 {
            table.trim()
        }
    }

    override func text(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        guard inText else { return }
        if table.size + count > min(limits.sharedStringBytes, Int(UInt32.max)) { return fail(limits.tooManyStrings()) }
        unsafe table.append(bytes, count)
    }
}
