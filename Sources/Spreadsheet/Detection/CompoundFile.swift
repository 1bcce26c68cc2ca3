/// An OLE2 file ([MS-CFB]): a real .xls, or the wrapping of an encrypted workbook ([MS-OFFCRYPTO] 2.3.4.4).
enum CompoundFile {
    static let signature: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]

    /// What to tell whoever uploaded the file.
    static func problem(_ file: borrowing File) throws(SheetError) -> SheetError {
        if try names(file).contains("EncryptedPackage") {
            return .init(code: .encrypted, message: "工作簿设置了打开密码，无法读取。请在 Excel 中取消密码后重新上传。")
        }
        return .format("这是旧版 .xls（Excel 97–2003）文件，请另存为 .xlsx 或 CSV 后上传。")
    }

    /// The names of the file's streams; those that can be read if the file is damaged.
    private static func names(_ file: borrowing File) throws(SheetError) -> [String] {
        let header = try file.bytes(at: 0, count: 512)
        guard header.count == 512 else { return [] }
        let shift = Int(header[0x1E])
        guard shift == 9 || shift == 12 else { return [] }
        let size = 1 << shift
        var sector = number(header, 0x30)
        var names: [String] = []
        // 1,000 sectors hold 4,000 names at least; a chain that is longer is a loop.
        for _ in 0..<1000 where sector < 0xFFFF_FFFA {
            let directory = try file.bytes(at: (sector + 1) * size, count: size)
            for entry in stride(from: 0, to: directory.count - 127, by: 128) {
                let length = min(64, Int(directory[entry + 64]) | Int(directory[entry + 65]) << 8) / 2 - 1
                guard length > 0 else { continue }
                let units = (0..<length).map { i in
                    UInt16(directory[entry + 2 * i]) | UInt16(directory[entry + 2 * i + 1]) << 8
                }
                names.append(String(decoding: units, as: UTF16.self))
            }
            // The allocation table: its first 109 sectors are named in the header.
            let table = sector / (size / 4)
            guard table < 109 else { break }
            let entry = sector % (size / 4) * 4
            let next = try file.bytes(at: (number(header, 0x4C + 4 * table) + 1) * size + entry, count: 4)
            guard next.count == 4 else { break }
            sector = number(next, 0)
        }
        return names
    }

    private static func number(_ bytes: [UInt8], _ at: Int) -> Int {
        Int(bytes[at]) | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]) << 16 | Int(bytes[at + 3]) << 24
    }
}
