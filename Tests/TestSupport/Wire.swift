internal import Glibc

/// The server's side of one connection, used by one thread; blocking.
final class Wire {
    let descriptor: Int32
    private var session: TLSLibrary.Session?
    private var buffer: [UInt8] = []
    private(set) var isSecure = false

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    func startTLS(_ library: TLSLibrary) -> Bool {
        buffer = []
        session = library.accept(descriptor)
        isSecure = session != nil
        return isSecure
    }

    /// A line without its CRLF; nil at the end of the connection.
    func line() -> [UInt8]? {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = buffer[..<end]
                buffer.removeFirst(end + 1)
                return line.last == 0x0D ? Array(line.dropLast()) : Array(line)
            }
            guard fill() else { return nil }
        }
    }

    func bytes(_ count: Int) -> [UInt8]? {
        while buffer.count < count { guard fill() else { return nil } }
        let result = Array(buffer.prefix(count))
        buffer.removeFirst(count)
        return result
    }

    @discardableResult func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    @discardableResult func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[sent...])
                if let session { return unsafe session.write(rest) }
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Waits until the client closes or the server stops.
    func waitForEnd() { while fill() { buffer = [] } }

    private var isClosed = false

    func close() {
        guard !isClosed else { return }
        isClosed = true
        session?.free()
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
        _ = Glibc.close(descriptor)
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe chunk.withUnsafeMutableBytes { target in
            if let session { return unsafe session.read(into: target) }
            return unsafe recv(descriptor, target.baseAddress, target.count, 0)
        }
        guard count > 0 else { return false }
        buffer.append(contentsOf: chunk.prefix(count))
        return true
    }
}
