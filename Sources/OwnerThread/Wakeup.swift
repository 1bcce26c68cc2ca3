internal import Glibc

/// Wakes an owner thread that blocks in `poll`: a file descriptor that is readable after `signal()`.
///
/// The descriptor lives as long as its last holder, so a late `signal()` never writes to a number used again.
/// It is a pipe, because Swift's Glibc does not show `eventfd`.
public final class Wakeup: Sendable {
    /// To poll for reading. Never close it.
    public let descriptor: Int32
    private let writer: Int32

    public init() {
        var ends: [Int32] = [-1, -1]
        let code = unsafe pipe(&ends)
        precondition(code == 0, "pipe failed: error \(errno)")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (descriptor, writer) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    /// A full pipe refuses the byte, and is readable already.
    public func signal() {
        var byte: UInt8 = 1
        _ = unsafe write(writer, &byte, 1)
    }

    /// Makes the descriptor unreadable again. The owner calls it before it looks for work, never after.
    public func clear() {
        unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while unsafe read(descriptor, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}
