internal import Glibc

/// Writes CSV (RFC 4180: CRLF, quotes where needed) in any of the encodings that the reader knows.
@safe final class CSVSink: RowSink {
    private let output: ([UInt8]) throws -> Void
    private let converter: Converter?
    private let delimiter: UInt8
    private let neutralisesFormulas: Bool
    private var pending: [UInt8] = []
    private var rowStart = 0
    private var cells = 0

    static let pieceSize = 64 << 10

    init(
        encoding: SheetEncoding, delimiter: SheetDelimiter, neutralisesFormulas: Bool,
        output: @escaping ([UInt8]) throws -> Void
    ) throws(SheetError) {
        converter = encoding.characterSet == "UTF-8" ? nil : try Converter(from: "UTF-8", to: encoding.characterSet)
        self.delimiter = delimiter.byte
        self.neutralisesFormulas = neutralisesFormulas
        self.output = output
        if encoding.hasMark { pending += [0xEF, 0xBB, 0xBF] }
        rowStart = pending.count
    }

    func cell(_ utf8: UnsafeBufferPointer<UInt8>) throws {
        if cells > 0 { pending.append(delimiter) }
        cells += 1
        guard let first = unsafe utf8.first else { return }
        let isFormula = neutralisesFormulas && Self.formulaStarts.contains(first)
        // `sep=` at the front of a file would be taken for a declaration, a lone `"` for the start of quotes.
        let needsQuotes =
            unsafe utf8.contains { byte in
                byte == delimiter || byte == UInt8(ascii: "\"") || byte == 0x0A || byte == 0x0D
            } || utf8.starts(with: Self.declaration)
        if needsQuotes { pending.append(UInt8(ascii: "\"")) }
        if isFormula { pending.append(UInt8(ascii: "'")) }
        if needsQuotes {
            for i in 0..<utf8.count {
                let byte = unsafe utf8[i]
                if byte == UInt8(ascii: "\"") { pending.append(byte) }
                pending.append(byte)
            }
            pending.append(UInt8(ascii: "\""))
        } else {
            unsafe pending.append(contentsOf: utf8)
        }
    }

    func endRow() throws {
        // A row of one empty cell would be a blank line, which is no row.
        if cells == 1 && pending.count == rowStart { pending += [UInt8(ascii: "\""), UInt8(ascii: "\"")] }
        pending += [0x0D, 0x0A]
        cells = 0
        if pending.count >= Self.pieceSize { try flush() }
        rowStart = pending.count
    }

    func finish() throws {
        if cells > 0 { try endRow() }
        try flush()
    }

    private static let formulaStarts = [UInt8]("=+-@".utf8)
    private static let declaration = [UInt8]("sep=".utf8)

    private func flush() throws {
        if pending.isEmpty { return }
        try output(converter == nil ? pending : converted())
        pending.removeAll(keepingCapacity: true)
    }

    private func converted() -> [UInt8] {
        // No character of at least one byte takes more than four in any of the encodings.
        let room = pending.count * 4 + 16
        return unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            var output = UnsafeMutableRawBufferPointer(buffer)
            unsafe pending.withUnsafeMutableBytes { bytes in
                var input = unsafe bytes
                while unsafe converter!.convert(&input, &output) == .invalid {
                    // Not even GB18030 has it (unassigned code points): a question mark stands for it, as in Excel.
                    unsafe output[0] = UInt8(ascii: "?")
                    unsafe output = unsafe .init(rebasing: output[1...])
                    repeat {
                        unsafe input = unsafe .init(rebasing: input[1...])
                    } while unsafe !input.isEmpty && input[0] & 0xC0 == 0x80
                }
            }
            count = room - output.count
        }
    }
}
