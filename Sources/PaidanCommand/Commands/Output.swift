import FoundationEssentials
import SystemPackage

/// Data goes to standard output, messages go to standard error.
enum Output {
    static func message(_ text: String) {
        // Nobody is left to tell when standard error is closed.
        _ = try? FileDescriptor.standardError.writeAll(Array((text + "\n").utf8))
    }

    /// A message without a line break, e.g. a progress bar.
    static func raw(_ text: String) { _ = try? FileDescriptor.standardError.writeAll(Array(text.utf8)) }

    static func data(_ text: String) { print(text) }

    /// One JSON text; `{items}` for lists, as over HTTP.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Columns side by side, as wide as their widest cell; a Chinese character takes two columns.
    static func table(_ header: [String], _ rows: [[String]]) {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { width($0[column]) }.max() ?? 0 }
        for row in all {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - width(cell))
            }
            print(cells.joined(separator: "  "))
        }
    }

    private static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x1100 ? 2 : 1) }
    }
}

/// A list as JSON.
struct Items<Item: Encodable>: Encodable {
    let items: [Item]
}
