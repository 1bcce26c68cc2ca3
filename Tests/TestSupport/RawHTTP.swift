internal import Glibc
internal import OwnerThread

/// A bare TCP connection to a server on 127.0.0.1, for requests that a proper client would not send.
public final class RawHTTP: Sendable {
    private let descriptor: Int32

    /// - Throws: ``ServerError`` if nobody listens.
    public init(port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard descriptor >= 0, connected else {
            if descriptor >= 0 { Glibc.close(descriptor) }
            throw ServerError(message: "cannot connect to port \(port): errno \(errno)")
        }
        self.descriptor = descriptor
    }

    deinit { Glibc.close(descriptor) }

    /// - Returns: false once the server has closed.
    @discardableResult public func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Sends `text` and reads, on a thread of its own, until what came holds `end`, the server closes, or 10 s are over.
    public func exchange(_ text: String, until end: String? = nil) async -> String {
        let answer = OneShot<String, Never>()
        startThread(named: "raw-http") { [self] in
            send(Array(text.utf8))
            answer.answer(.success(read(until: end)))
        }
        return await answer.value()
    }

    private func read(until end: String?) -> String {
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while end.map({ !String(decoding: all, as: UTF8.self).contains($0) }) ?? true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { break }
            all += chunk.prefix(count)
        }
        return String(decoding: all, as: UTF8.self)
    }
}
