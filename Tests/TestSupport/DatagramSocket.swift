internal import Glibc
internal import OwnerThread

/// A datagram socket of this machine, as a supervisor listens at.
public final class DatagramSocket: Sendable {
    private let descriptor: Int32
    private let messages = Lock<[String]>([])

    /// - Parameter path: with `@` in front a name in the abstract name space.
    public init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        if path.hasPrefix("@") { name[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(2 + name.count + (name[0] == 0 ? 0 : 1))
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
        }
        guard descriptor >= 0, bound == 0 else { throw ServerError(message: "cannot listen at \(path): \(errno)") }
    }

    deinit { close(descriptor) }

    /// All messages that came so far, in their order.
    public func received() -> [String] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count < 0 { break }
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            messages.withLock { $0.append(text) }
        }
        return messages.withLock { $0 }
    }
}
