internal import Glibc
internal import OwnerThread

/// Accepts connections on 127.0.0.1 and a free port; each is served by a thread of its own.
final class LoopbackServer: Sendable {
    let port: Int
    private let listener: Int32
    private let open = Lock<Set<Int32>?>([])

    /// - Parameter serve: given each connection and its number, from 1; the connection is closed when it returns.
    init(name: String, serve: @escaping @Sendable (Wire, Int) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(listener, generic, length) == 0 && listen(listener, 128) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard bound else { throw ServerError(message: "cannot listen on loopback: errno \(errno)") }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        startThread(named: name) { [open] in
            var number = 0
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { break }
                number += 1
                let isOpen = open.withLock { open -> Bool in
                    open?.insert(connection)
                    return open != nil
                }
                guard isOpen else {
                    _ = Glibc.close(connection)
                    break
                }
                startThread(named: name) { [number] in
                    blockSIGPIPE()
                    let wire = Wire(connection)
                    serve(wire, number)
                    // Forgotten before it is closed, so that stop() never touches a descriptor used again.
                    _ = open.withLock { $0?.remove(connection) }
                    wire.close()
                }
            }
            _ = Glibc.close(listener)
        }
    }

    /// Ends all connections.
    func stop() {
        open.withLock { open in
            for connection in open ?? [] { _ = Glibc.shutdown(connection, Int32(SHUT_RDWR)) }
            if open != nil { _ = Glibc.shutdown(listener, Int32(SHUT_RDWR)) }
            open = nil
        }
    }

    deinit { stop() }
}

/// OpenSSL writes without MSG_NOSIGNAL.
private func blockSIGPIPE() {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
}
