import Foundation

/// The table for people and the JSON for programs.
struct Report: Codable {
    let machine: Machine
    let rounds: Int
    let isShort: Bool
    var figures: [Figure] = []

    func print() {
        Swift.print("")
        for line in machine.lines { Swift.print(line) }
        Swift.print("Medians of \(rounds) interleaved rounds; in brackets the lowest and highest.\n")
        let rows = [["work", "unit", "paidan", "beside", "ratio", "target", ""]] + figures.map(Self.row)
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            Swift.print(cells.joined(separator: "  "))
        }
        for figure in figures { if let notes = figure.notes { Swift.print("\(figure.work): \(notes)") } }
        if isShort { Swift.print("\nA short run: these figures mean nothing.") }
    }

    private static func row(_ figure: Figure) -> [String] {
        [
            figure.work, figure.unit, text(figure.paidan), "\(figure.beside) \(text(figure.other))",
            String(format: "%.2f (%.2f–%.2f)", figure.ratio.median, figure.ratio.low, figure.ratio.high),
            figure.target, figure.isMet.map { $0 ? "met" : "NOT MET" } ?? "",
        ]
    }

    private static func text(_ spread: Spread) -> String {
        let format = spread.high < 100 ? "%.3f" : "%.0f"
        return [
            String(format: format, spread.median), " (", String(format: format, spread.low), "–",
            String(format: format, spread.high), ")",
        ].joined()
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path))
    }
}
