/// Makes zip files of stored entries, sizes in front of each, as most writers do.
struct ZipFixture {
    private var bytes: [UInt8] = []
    private var directory: [UInt8] = []
    private var count = 0
    /// Bits of the general purpose flag; bit 0 says encrypted.
    var flags = 0

    mutating func add(_ name: String, _ content: [UInt8]) {
        let offset = bytes.count
        var common: [UInt8] = []
        common.append(20, 2)
        common.append(flags, 2)
        common.append(0, 2)
        common.append(0, 2)
        common.append(0x21, 2)
        common.append(Int(Self.checksum(content)), 4)
        common.append(content.count, 4)
        common.append(content.count, 4)
        common.append(name.utf8.count, 2)
        common.append(0, 2)
        bytes.append(0x0403_4B50, 4)
        bytes += common + Array(name.utf8) + content
        directory.append(0x0201_4B50, 4)
        directory.append(20, 2)
        directory += common
        for _ in 0..<5 { directory.append(0, 2) }
        directory.append(offset, 4)
        directory += Array(name.utf8)
        count += 1
    }

    func finished() -> [UInt8] {
        var end: [UInt8] = []
        end.append(0x0605_4B50, 4)
        end.append(0, 4)
        end.append(count, 2)
        end.append(count, 2)
        end.append(directory.count, 4)
        end.append(bytes.count, 4)
        end.append(0, 2)
        return bytes + directory + end
    }

    /// CRC-32 of ISO 3309.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
        return ~crc
    }

    private static let table: [UInt32] = (0..<256).map { (index: UInt32) -> UInt32 in
        var crc = index
        for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
        return crc
    }
}

extension [UInt8] {
    /// Adds the low `count` bytes of a number, the lowest first.
    mutating func append(_ number: Int, _ count: Int) {
        for i in 0..<count { append(UInt8(truncatingIfNeeded: number >> (8 * i))) }
    }
}
