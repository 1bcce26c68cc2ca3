internal import CZip

/// A zip file open for reading. Owns the libzip handle and frees it once.
@safe struct Archive: ~Copyable {
    private let raw: OpaquePointer
    private let fileSize: Int
    private let limits: SheetLimits
    /// Entries by part name: `/` between the segments, none in front, ASCII in lower case (ECMA-376 part 2, 6.2.2.3).
    private let entries: [String: UInt64]

    init(path: String, size: Int, limits: SheetLimits) throws(SheetError) {
        var code: Int32 = 0
        guard let raw = unsafe zip_open(path, ZIP_RDONLY, &code) else {
            throw .format("压缩包（.xlsx）已损坏或没有上传完整（libzip \(code)），请重新上传。")
        }
        unsafe self.raw = raw
        fileSize = size
        self.limits = limits
        var entries: [String: UInt64] = [:]
        for index in 0..<UInt64(max(0, unsafe zip_get_num_entries(raw, 0))) {
            guard let name = unsafe zip_get_name(raw, index, zip_flags_t(ZIP_FL_ENC_RAW)) else { continue }
            let key = Self.key(unsafe String(cString: name))
            if entries[key] == nil { entries[key] = index }
        }
        self.entries = entries
    }
    /// libzip: "zip_discard closes archive and frees the memory allocated for it."
    deinit { unsafe zip_discard(raw) }

    private static func key(_ name: String) -> String {
        name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).joined(separator: "/").lowercased()
    }

    /// All parts, by the names that ``open(_:)`` takes.
    var parts: [String] { entries.keys.sorted() }

    func contains(_ part: String) -> Bool { entries[Self.key(part)] != nil }

    /// - Returns: the part, unread, or nil if there is none of that name.
    /// - Throws: ``SheetError`` `.encrypted` or `.format` if it cannot be opened.
    func open(_ part: String) throws(SheetError) -> ArchiveEntry? {
        guard let index = entries[Self.key(part)] else { return nil }
        var status = unsafe zip_stat_t()
        unsafe zip_stat_init(&status)
        guard unsafe zip_stat_index(raw, index, 0, &status) == 0 else { throw .damaged(part, "目录损坏") }
        if unsafe status.encryption_method != 0 {
            throw .init(code: .encrypted, message: "压缩包设置了密码，无法读取。请取消密码后重新上传。")
        }
        guard let file = unsafe zip_fopen_index(raw, index, 0) else { throw .damaged(part, "无法解压") }
        let packed = min(Int(clamping: unsafe status.comp_size), fileSize)
        let (allowed, overflow) = packed.multipliedReportingOverflow(by: limits.zipRatio)
        let most = overflow ? Int.max : max(allowed, limits.unpackedFloor)
        return unsafe ArchiveEntry(takingOwnershipOf: file, part: part, most: most, limits: limits)
    }
}

/// One part of an archive, open for reading. Owns the libzip file and closes it once, before its archive goes.
@safe struct ArchiveEntry: ~Copyable {
    private let raw: OpaquePointer
    let part: String
    private let most: Int
    private let limits: SheetLimits
    private var unpacked = 0

    @unsafe init(takingOwnershipOf raw: OpaquePointer, part: String, most: Int, limits: SheetLimits) {
        unsafe self.raw = raw
        self.part = part
        self.most = most
        self.limits = limits
    }
    deinit { unsafe zip_fclose(raw) }

    /// Unpacks the next bytes; at the end libzip compares size and checksum.
    ///
    /// - Returns: bytes read, 0 at the end.
    /// - Throws: ``SheetError`` `.format` for damage, `.limit` for a part that unpacks to far more than its size.
    @unsafe mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(SheetError) -> Int {
        let count = unsafe zip_fread(raw, buffer.baseAddress!, zip_uint64_t(buffer.count))
        guard count >= 0 else { throw .damaged(part, "解压出错，文件可能没有上传完整") }
        unpacked += Int(count)
        if unpacked > most { throw limits.ratioTooHigh(part: part) }
        return Int(count)
    }
}
