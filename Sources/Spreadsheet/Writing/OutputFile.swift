internal import Glibc

/// A file open for writing. Owns the descriptor and closes it once.
final class OutputFile {
    private let descriptor: Int32

    init(path: String) throws(SheetError) {
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .format("无法创建输出文件（errno \(errno)）。") }
    }
    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws(SheetError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes[done...].withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress!, $0.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .format("写入输出文件失败（errno \(errno)），请检查磁盘空间。")
            }
            done += count
        }
    }
}
