import Spreadsheet
import Testing

@Suite struct EncodingTests {
    static let text = "姓名,QQ\n㐀𠮷,123456\n张三😀,€5\n"
    static let rows = [Row(1, "姓名", "QQ"), Row(2, "㐀𠮷", "123456"), Row(3, "张三😀", "€5")]

    static func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let (high, low) = (UInt8(unit >> 8), UInt8(unit & 0xFF))
            return bigEndian ? [high, low] : [low, high]
        }
    }

    @Test func utf8() throws {
        #expect(try Read(Self.text).rows == Self.rows)
        let marked = try Read([0xEF, 0xBB, 0xBF] + Array(Self.text.utf8))
        #expect(marked.rows == Self.rows)
        #expect(marked.format == .csv(encoding: .utf8WithMark, delimiter: .comma))
    }

    @Test(arguments: [false, true])
    func utf16(bigEndian: Bool) throws {
        let bytes = Self.utf16(Self.text, bigEndian: bigEndian)
        let bare = try Read(bytes)
        #expect(bare.rows == Self.rows)
        #expect(
            bare.format == .csv(encoding: bigEndian ? .utf16BigEndian : .utf16LittleEndian, delimiter: .comma))
        let marked = try Read((bigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE]) + bytes)
        #expect(marked.rows == Self.rows)
        let encoding: SheetEncoding = bigEndian ? .utf16BigEndianWithMark : .utf16LittleEndianWithMark
        #expect(marked.format == .csv(encoding: encoding, delimiter: .comma))
    }

    /// 姓名,QQ / 㐀𠮷,1 / 张三,2; 㐀 is 81 39 EE 39 and 𠮷 is 95 34 B2 35, the other characters two bytes each.
    static let gb18030: [UInt8] =
        [0xD0, 0xD5, 0xC3, 0xFB, 0x2C, 0x51, 0x51, 0x0A]
        + [0x81, 0x39, 0xEE, 0x39, 0x95, 0x34, 0xB2, 0x35, 0x2C, 0x31, 0x0A]
        + [0xD5, 0xC5, 0xC8, 0xFD, 0x2C, 0x32]

    @Test("GB18030 with characters of four bytes, which hold ASCII digits")
    func gb18030() throws {
        let read = try Read(Self.gb18030)
        #expect(read.format == .csv(encoding: .gb18030, delimiter: .comma))
        #expect(read.rows == [Row(1, "姓名", "QQ"), Row(2, "㐀𠮷", "1"), Row(3, "张三", "2")])
    }

    @Test("a second byte that looks like a delimiter is none: 鶿 is FB 7C")
    func secondByte() throws {
        let read = try Read([0xFB, 0x7C, 0x7C, 0xD5, 0xC5, 0x0A, 0x31, 0x7C, 0x32])
        #expect(read.rows.map(\.cells.count) == [2, 2])
    }

    @Test("the one-byte € of Windows code page 936")
    func euro() throws {
        #expect(try Read([0xD5, 0xC5, 0xC8, 0xFD, 0x2C, 0x80, 0x35]).rows == [Row(1, "张三", "€5")])
    }

    @Test("one late byte that is no UTF-8 makes the file GB18030")
    func late() throws {
        let ascii = Array(String(repeating: "abc,123\n", count: 100_000).utf8)
        let read = try Read(ascii + [0xD5, 0xC5, 0x2C, 0x31])
        #expect(read.format == .csv(encoding: .gb18030, delimiter: .comma))
        #expect(read.rows.last == Row(100_001, "张", "1"))
    }

    @Test(
        "neither UTF-8 nor GB18030",
        arguments: [[0x61, 0x2C, 0xFF, 0x0A], [0x61, 0x0A, 0xD5], [0xEF, 0xBB, 0xBF, 0xFF]])
    func wrong(_ bytes: [UInt8]) {
        #expect(failure(bytes)?.code == .format)
    }

    @Test(arguments: [[0xFF, 0xFE, 0x61, 0x00, 0x00, 0xD8, 0x61, 0x00], [0xFF, 0xFE, 0x61]])
    func wrongUTF16(_ bytes: [UInt8]) { #expect(failure(bytes)?.code == .format) }

    @Test("a NUL in a cell is text for the importer to judge, and no sign of UTF-16")
    func stray() throws {
        #expect(try Read("姓名,QQ\na\0b,12345\n").rows == [Row(1, "姓名", "QQ"), Row(2, "a\0b", "12345")])
    }

    @Test(
        "strict UTF-8: overlong, surrogate and out of range are not UTF-8",
        arguments: [
            [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80],
            [0xE4, 0xB8],
        ] as [[UInt8]])
    func strictness(_ bytes: [UInt8]) {
        if case .csv(.utf8, _)? = try? Read(Array("a,b\n".utf8) + bytes).format { Issue.record("taken for UTF-8") }
    }
}
