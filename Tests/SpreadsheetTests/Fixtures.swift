import Foundation
import Spreadsheet

/// A file that is gone when the test is done with it.
final class TemporaryFile {
    let path: String

    init(_ bytes: [UInt8]) throws {
        path = NSTemporaryDirectory() + "sheet-test-" + UUID().uuidString
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A row as tests compare it: the number and the cells.
struct Row: Equatable, CustomStringConvertible {
    let number: Int
    let cells: [String]

    init(_ number: Int, _ cells: String...) {
        self.number = number
        self.cells = cells
    }
    init(number: Int, cells: [String]) {
        self.number = number
        self.cells = cells
    }
    var description: String { "\(number): \(cells)" }
}

/// A file read to its end.
struct Read {
    var format = SheetFormat.xlsx
    var sheet: String?
    var uses1904Dates = false
    var rows: [Row] = []
    var kinds: [[CellKind]] = []

    init(_ bytes: [UInt8], sheet: String? = nil, limits: SheetLimits = .init()) throws {
        let file = try TemporaryFile(bytes)
        var reader = try SheetReader(path: file.path, sheet: sheet, limits: limits)
        format = reader.format
        self.sheet = reader.sheet
        uses1904Dates = reader.uses1904Dates
        var row = SheetRow()
        while try reader.next(into: &row) {
            rows.append(Row(number: row.number, cells: (0..<row.count).map { row.text($0) }))
            kinds.append((0..<row.count).map { row.kind($0) })
        }
    }

    init(_ text: String, limits: SheetLimits = .init()) throws { try self.init(Array(text.utf8), limits: limits) }
}

/// The whole-file error that reading a file ends with; nil if it ends well.
func failure(_ bytes: [UInt8], sheet: String? = nil, limits: SheetLimits = .init()) -> SheetError? {
    do {
        _ = try Read(bytes, sheet: sheet, limits: limits)
        return nil
    } catch {
        return error as? SheetError
    }
}

/// Random numbers that are the same in each run (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
