/// The delimiter of a CSV file, from its first lines.
struct SniffedDelimiter {
    let delimiter: SheetDelimiter
    /// Whether the file's first line says so (`sep=;`).
    var isDeclared = false

    private static let lines = 100

    /// Counts each delimiter outside quotes in the first rows. For each, the rows in which it stands equally often are
    /// worth that often each; the most valuable wins, the comma where none stands at all.
    init(of text: consuming TextStream) throws(SheetError) {
        let piece = unsafe try text.next()
        for delimiter in SheetDelimiter.allCases {
            let line = [UInt8]("sep=".utf8) + [delimiter.byte]
            guard unsafe piece.starts(with: line) else { continue }
            if unsafe piece.count == line.count || piece[line.count] == 0x0A || piece[line.count] == 0x0D {
                self.delimiter = delimiter
                isDeclared = true
                return
            }
        }
        let rows = unsafe Self.count(piece)
        var best = (score: 0, delimiter: SheetDelimiter.comma)
        for (i, delimiter) in SheetDelimiter.allCases.enumerated() {
            var frequency: [Int: Int] = [:]
            for row in rows where row[i] > 0 { frequency[row[i], default: 0] += 1 }
            let score = frequency.map { $0.key * $0.value }.max() ?? 0
            if score > best.score { best = (score, delimiter) }
        }
        delimiter = best.delimiter
    }

    /// How often each delimiter stands outside quotes, row by row.
    @unsafe private static func count(_ piece: UnsafeBufferPointer<UInt8>) -> [[Int]] {
        let candidates = SheetDelimiter.allCases.map(\.byte)
        var rows: [[Int]] = []
        var row = candidates.map { _ in 0 }
        var isQuoted = false
        var atCellStart = true
        for i in 0..<piece.count {
            let byte = unsafe piece[i]
            if isQuoted {
                // A doubled quote closes and opens again at once: the cell's start is taken for it.
                if byte == UInt8(ascii: "\"") {
                    isQuoted = false
                    atCellStart = true
                }
                continue
            }
            if byte == UInt8(ascii: "\"") && atCellStart {
                isQuoted = true
            } else if byte == 0x0A || byte == 0x0D {
                rows.append(row)
                if rows.count == lines { return rows }
                row = candidates.map { _ in 0 }
                atCellStart = true
            } else if let k = candidates.firstIndex(of: byte) {
                row[k] += 1
                atCellStart = true
            } else {
                atCellStart = false
            }
        }
        rows.append(row)
        return rows
    }
}
