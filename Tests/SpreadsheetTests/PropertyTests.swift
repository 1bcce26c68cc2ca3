import Spreadsheet
import Testing

/// Random sheets and random damage, the same in each run.
@Suite struct PropertyTests {
    static func cell(_ random: inout Seeded) -> String {
        let pool: [String] = [
            "", "", "a", "中", "㐀", "𠮷", "😀", ",", ";", "\t", "|", "\"", "\"\"", "\n", "\r", "\r\n", " ", "'", "=", "@",
            "123456789", "_x000D_", "&", "<", "sep=", "€", "\u{A0}", "é",
        ]
        let length = Int.random(in: 0...6, using: &random)
        return (0..<length).map { _ in pool.randomElement(using: &random) ?? "" }.joined()
    }

    static func rows(_ random: inout Seeded) -> [[String]] {
        // The first row decides the delimiter and tells the encodings apart.
        let width = Int.random(in: 2...6, using: &random)
        let header = (0..<width).map { "姓名列\($0)" }
        return Array(repeating: header, count: 30)
            + (0..<Int.random(in: 1...20, using: &random)).map { _ in (0..<width).map { _ in cell(&random) } }
    }

    /// Rows with content, each up to its last cell with content.
    static func expected(_ rows: [[String]]) -> [Row] {
        rows.enumerated().compactMap { i, row in
            row.lastIndex { !$0.isEmpty }.map { Row(number: i + 1, cells: Array(row[...$0])) }
        }
    }

    @Test("what is written is read back", arguments: 0..<40)
    func roundTrip(_ seed: Int) throws {
        var random = Seeded(state: UInt64(seed))
        for encoding in SheetEncoding.allCases {
            let rows = Self.rows(&random)
            let delimiter = SheetDelimiter.allCases.randomElement(using: &random) ?? .comma
            let format = SheetFormat.csv(encoding: encoding, delimiter: delimiter)
            let read = try Read(written(rows, as: format, neutralisesFormulas: false))
            #expect(read.format == format)
            #expect(read.rows == Self.expected(rows))
        }
        let rows = Self.rows(&random)
        #expect(try Read(written(rows, as: .xlsx)).rows == Self.expected(rows))
    }

    /// Reads a damaged file: rows or an error, never more.
    static func survive(_ bytes: [UInt8], _ random: inout Seeded) {
        var bytes = bytes
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
        case 1:
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
        case 2:
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes.insert(contentsOf: (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }, at: place)
        default:
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...64, using: &random)))
        }
        do {
            _ = try Read(bytes)
        } catch {
            #expect(error is SheetError)
        }
    }

    @Test("damaged CSV files are read or refused", arguments: SheetEncoding.allCases)
    func damagedCSV(_ encoding: SheetEncoding) throws {
        var random = Seeded(state: 7)
        for _ in 0..<10 {
            let bytes = try written(Self.rows(&random), as: .csv(encoding: encoding, delimiter: .comma))
            for _ in 0..<40 { Self.survive(bytes, &random) }
        }
    }

    @Test("damaged workbooks are read or refused", arguments: 0..<8)
    func damagedWorkbook(_ seed: Int) throws {
        var random = Seeded(state: UInt64(seed))
        let packed = try written(Self.rows(&random), as: .xlsx)
        let stored = Self.workbook().bytes()
        for _ in 0..<120 {
            Self.survive(packed, &random)
            Self.survive(stored, &random)
        }
    }

    @Test("workbooks whose XML is damaged, in a zip that is not, are read or refused", arguments: 0..<8)
    func damagedXML(_ seed: Int) throws {
        var random = Seeded(state: UInt64(seed) &+ 100)
        for _ in 0..<200 {
            var fixture = Self.workbook()
            let target = fixture.parts().map(\.0).randomElement(using: &random)
            let place = Double.random(in: 0..<1, using: &random)
            let tokens = [
                "<c>", "</c>", "<row>", "</row>", "<v>", "r=\"A0\"", "\"", "<", "&", "9", "t=\"s\"", "\u{0}", ">",
            ]
            let token = tokens.randomElement(using: &random) ?? ""
            let cut = Int.random(in: 0...12, using: &random)
            fixture.bend = { name, bytes in
                guard name == target else { return bytes }
                let start = Int(Double(bytes.count) * place)
                return Array(bytes[..<start]) + Array(token.utf8) + Array(bytes[min(bytes.count, start + cut)...])
            }
            do {
                _ = try Read(fixture.bytes())
            } catch {
                #expect(error is SheetError)
            }
        }
    }

    static func workbook() -> WorkbookFixture {
        WorkbookFixture(
            (1...30).map {
                "<row r=\"\($0)\"><c r=\"A\($0)\" t=\"s\"><v>\($0 % 3)</v></c><c r=\"B\($0)\"><v>\($0)</v></c></row>"
            }
            .joined(), strings: ["甲", "乙", "丙_x000D_"])
    }
}
