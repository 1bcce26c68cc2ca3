internal import Glibc

/// The text of a file as UTF-8, piece by piece, without its byte order mark.
@safe struct TextStream: ~Copyable {
    private let file: File
    private let converter: Converter?
    private let isGB18030: Bool
    private let characterSet: String
    private let raw: UnsafeMutableRawBufferPointer
    /// Converted text; empty memory when the file is UTF-8 already.
    private let converted: UnsafeMutableRawBufferPointer
    /// Bytes at the front of `raw` that the last piece left: the beginning of a character.
    private var carried = 0
    private var atStart = true

    static let pieceSize = 256 << 10

    init(file: consuming File, encoding: SheetEncoding) throws(SheetError) {
        characterSet = encoding.characterSet
        isGB18030 = characterSet == "GB18030"
        converter = characterSet == "UTF-8" ? nil : try Converter(from: characterSet, to: "UTF-8")
        file.seek(to: 0)
        self.file = file
        unsafe raw = .allocate(byteCount: Self.pieceSize, alignment: 16)
        // Two bytes become three at most, so this room is never too small.
        unsafe converted = .allocate(byteCount: characterSet == "UTF-8" ? 0 : Self.pieceSize * 2, alignment: 16)
    }
    deinit {
        unsafe raw.deallocate()
        unsafe converted.deallocate()
    }

    /// The next piece of text, valid until the next call; empty at the end.
    ///
    /// - Throws: ``SheetError`` `.format` for bytes that are no character of the encoding.
    @unsafe mutating func next() throws(SheetError) -> UnsafeBufferPointer<UInt8> {
        while true {
            var piece = unsafe try converter == nil ? plain() : convert()
            if atStart && !piece.isEmpty {
                atStart = false
                if unsafe piece.starts(with: [0xEF, 0xBB, 0xBF]) {
                    unsafe piece = .init(rebasing: piece[3...])
                    if piece.isEmpty { continue }
                }
            }
            return unsafe piece
        }
    }

    @unsafe private mutating func plain() throws(SheetError) -> UnsafeBufferPointer<UInt8> {
        let count = unsafe try file.read(into: raw)
        return unsafe Self.text(raw, count)
    }

    @unsafe private mutating func convert() throws(SheetError) -> UnsafeBufferPointer<UInt8> {
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[carried...])
        let count = unsafe try file.read(into: room)
        var input = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[..<(carried + count)])
        var output = unsafe converted
        if unsafe input.isEmpty { return unsafe .init(start: nil, count: 0) }
        repeatConversion: while true {
            switch unsafe converter!.convert(&input, &output) {
            case .done: break repeatConversion
            case .incomplete:
                // At the end of the file nothing will complete it.
                if count < room.count { throw wrongBytes() }
                break repeatConversion
            case .full: break repeatConversion
            case .invalid:
                // Windows calls its code page 936 "ANSI" and has € there as one byte, which GB18030 does not.
                guard unsafe isGB18030 && input[0] == 0x80 else { throw wrongBytes() }
                for byte in "€".utf8 {
                    unsafe output[0] = byte
                    unsafe output = .init(rebasing: output[1...])
                }
                unsafe input = .init(rebasing: input[1...])
            }
        }
        unsafe _ = memmove(raw.baseAddress!, input.baseAddress!, input.count)
        carried = input.count
        let made = unsafe converted.count - output.count
        return unsafe Self.text(converted, made)
    }

    @unsafe private static func text(_ memory: UnsafeMutableRawBufferPointer, _ count: Int) -> UnsafeBufferPointer<
        UInt8
    > {
        unsafe .init(start: memory.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
    }

    private func wrongBytes() -> SheetError {
        .format("文件的文字编码有误：既不是 UTF-8，也不能按 \(characterSet) 解读。请用 Excel 另存为 .xlsx 或 CSV UTF-8。")
    }
}
