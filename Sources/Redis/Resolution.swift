internal import Glibc
internal import OwnerThread

/// The look-up of a host name on a thread of its own: it may block for as long as the name servers are silent.
final class Resolution: Sendable {
    private let state = Lock<Result<String, ConnectFailure>?>(nil)

    /// The first address, or why there is none; nil while it is looked for.
    var answer: Result<String, ConnectFailure>? { state.withLock { $0 } }

    /// - Parameter done: called on the thread when there is an answer.
    init(of host: String, _ done: @escaping @Sendable () -> Void) {
        startThread(named: "resolve") { [self] in
            let answer = Self.lookUp(host)
            state.withLock { $0 = answer }
            done()
        }
    }

    /// True for an address, which needs no look-up.
    static func isAddress(_ host: String) -> Bool {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &found) == 0 else { return false }
        unsafe freeaddrinfo(found)
        return true
    }

    private static func lookUp(_ host: String) -> Result<String, ConnectFailure> {
        var found: UnsafeMutablePointer<addrinfo>?
        // IPv4 first, as hiredis does.
        for family in [AF_INET, AF_INET6] {
            var hints = unsafe addrinfo()
            unsafe hints.ai_family = family
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            let code = unsafe getaddrinfo(host, nil, &hints, &found)
            guard code == 0, let first = unsafe found else { continue }
            defer { unsafe freeaddrinfo(found) }
            var text = [CChar](repeating: 0, count: 64)
            let isWritten = unsafe getnameinfo(
                first.pointee.ai_addr, first.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            guard isWritten == 0 else { continue }
            return .success(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
        return .failure(ConnectFailure(reason: "the host name \(host) is not known"))
    }
}
