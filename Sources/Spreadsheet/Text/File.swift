internal import Glibc

/// A file open for reading. Owns the descriptor and closes it once.
struct File: ~Copyable {
    private let descriptor: Int32
    /// Bytes of the file when it was opened.
    let size: Int

    init(path: String) throws(SheetError) {
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .format("无法打开上传的文件（errno \(errno)）。") }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .format("上传的不是普通文件。")
        }
        size = Int(status.st_size)
    }
    deinit { close(descriptor) }

    /// Reads into `buffer` until it is full or the file ends.
    ///
    /// - Returns: bytes read, 0 at the end.
    /// - Throws: ``SheetError`` `.format` when the disk fails.
    @unsafe func read(into buffer: UnsafeMutableRawBufferPointer) throws(SheetError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = unsafe Glibc.read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
            if count < 0 {
                if errno == EINTR { continue }
                throw .format("读取上传的文件失败（errno \(errno)），请重试。")
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// - Returns: up to `count` bytes from `offset` on; fewer where the file ends.
    func bytes(at offset: Int, count: Int) throws(SheetError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { unsafe buffer.deallocate() }
        seek(to: offset)
        let filled = unsafe try read(into: buffer)
        return unsafe Array(buffer[..<filled])
    }

    func seek(to offset: Int) { lseek(descriptor, off_t(offset), SEEK_SET) }
}
