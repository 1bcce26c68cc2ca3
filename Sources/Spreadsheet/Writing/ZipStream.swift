internal import CZip

/// Writes a zip file from front to back: deflated entries whose sizes follow them (APPNOTE.TXT 4.3.9).
///
/// libzip writes an archive only when all of it is known, so this is our own; zlib does the packing.
@safe struct ZipStream: ~Copyable {
    private struct Entry {
        let name: [UInt8]
        let offset: Int
        var checksum: UInt32 = 0
        var packed = 0
        var size = 0
    }

    private let output: ([UInt8]) throws -> Void
    private let stream: UnsafeMutablePointer<z_stream>
    private var entries: [Entry] = []
    private var current: Entry?
    private var offset = 0

    init(output: @escaping ([UInt8]) throws -> Void) throws(SheetError) {
        self.output = output
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // Raw deflate: a window of 2^15 without zlib's own head and tail.
        let status = unsafe deflateInit2_(
            stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .format("内存不足，无法写出工作簿。") }
    }
    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    mutating func begin(_ name: String) throws {
        current = Entry(name: Array(name.utf8), offset: offset)
        var head: [UInt8] = []
        head.append(number: 0x0403_4B50, 4)
        Self.appendCommon(to: &head)
        for _ in 0..<3 { head.append(number: 0, 4) }
        head.append(number: name.utf8.count, 2)
        head.append(number: 0, 2)
        try put(head + Array(name.utf8))
    }

    mutating func write(_ bytes: [UInt8]) throws {
        let before = UInt(current?.checksum ?? 0)
        let checksum = unsafe bytes.withUnsafeBufferPointer { unsafe crc32(before, $0.baseAddress, UInt32($0.count)) }
        current?.checksum = UInt32(truncatingIfNeeded: checksum)
        current?.size += bytes.count
        try pack(bytes, Z_NO_FLUSH)
    }

    mutating func end() throws {
        try pack([], Z_FINISH)
        unsafe deflateReset(stream)
        guard let entry = current else { return }
        guard entry.size <= UInt32.max && offset <= UInt32.max else {
            throw SheetError(code: .limit, message: "输出的工作簿超过 4 GB，请改用 CSV。")
        }
        var tail: [UInt8] = []
        tail.append(number: 0x0807_4B50, 4)
        Self.appendSizes(entry, to: &tail)
        try put(tail)
        entries.append(entry)
        current = nil
    }

    /// Writes the directory; the archive is whole after it.
    mutating func finish() throws {
        let start = offset
        var directory: [UInt8] = []
        for entry in entries {
            directory.append(number: 0x0201_4B50, 4)
            directory.append(number: 20, 2)
            Self.appendCommon(to: &directory)
            Self.appendSizes(entry, to: &directory)
            directory.append(number: entry.name.count, 2)
            for _ in 0..<6 { directory.append(number: 0, 2) }
            directory.append(number: entry.offset, 4)
            directory += entry.name
        }
        let size = directory.count
        directory.append(number: 0x0605_4B50, 4)
        directory.append(number: 0, 4)
        directory.append(number: entries.count, 2)
        directory.append(number: entries.count, 2)
        directory.append(number: size, 4)
        directory.append(number: start, 4)
        directory.append(number: 0, 2)
        try put(directory)
    }

    /// Version 2.0; sizes follow, names are UTF-8; deflate; 1980-01-01 00:00, so that equal rows make equal files.
    private static func appendCommon(to bytes: inout [UInt8]) {
        bytes.append(number: 20, 2)
        bytes.append(number: 0x0808, 2)
        bytes.append(number: 8, 2)
        bytes.append(number: 0, 2)
        bytes.append(number: 0x0021, 2)
    }

    private static func appendSizes(_ entry: Entry, to bytes: inout [UInt8]) {
        bytes.append(number: Int(entry.checksum), 4)
        bytes.append(number: entry.packed, 4)
        bytes.append(number: entry.size, 4)
    }

    private mutating func pack(_ bytes: [UInt8], _ flush: Int32) throws {
        var input = bytes
        var pieces: [[UInt8]] = []
        unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe stream.pointee.next_in = input.baseAddress
            unsafe stream.pointee.avail_in = UInt32(input.count)
            repeat {
                let piece = unsafe [UInt8](unsafeUninitializedCapacity: 64 << 10) { room, count in
                    unsafe stream.pointee.next_out = room.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(room.count)
                    unsafe deflate(stream, flush)
                    count = unsafe room.count - Int(stream.pointee.avail_out)
                }
                if !piece.isEmpty { pieces.append(piece) }
            } while unsafe stream.pointee.avail_out == 0
        }
        for piece in pieces {
            current?.packed += piece.count
            try put(piece)
        }
    }

    private mutating func put(_ bytes: [UInt8]) throws {
        offset += bytes.count
        try output(bytes)
    }
}

extension [UInt8] {
    /// Adds the low `count` bytes of a number, the lowest first.
    fileprivate mutating func append(number: Int, _ count: Int) {
        for i in 0..<count { append(UInt8(truncatingIfNeeded: number >> (8 * i))) }
    }
}
