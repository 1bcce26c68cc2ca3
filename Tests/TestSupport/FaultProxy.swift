internal import Glibc
internal import OwnerThread

/// A way to a server's unix socket over 127.0.0.1 that can be made slow, or silently dead.
public final class FaultProxy: Sendable {
    private struct Link {
        let client: Int32
        let server: Int32
        var isSwallowed = false
    }

    private struct State {
        var delay = Duration.zero
        var links: [Int: Link] = [:]
        /// New connections are silently dead from the start.
        var swallowsNew = false
        var accepted = 0
    }

    private let state = Lock(State())
    private let server: LoopbackServer

    /// - Parameter path: of the server's socket; it may come and go.
    public init(to path: String) throws {
        let state = state
        server = try LoopbackServer(name: "proxy") { wire, number in Self.serve(wire.descriptor, number, path, state) }
    }

    public var port: Int { server.port }

    /// Connections taken so far.
    public var accepted: Int { state.withLock { $0.accepted } }

    /// Each piece of an answer comes so much later.
    public func delay(_ delay: Duration) { state.withLock { $0.delay = delay } }

    /// What is open now stays open and carries nothing any more, either way; what is opened later works.
    public func swallowOpen() {
        state.withLock { state in for number in state.links.keys { state.links[number]?.isSwallowed = true } }
    }

    /// Nothing gets through any more, on connections that are there or to come, until ``heal()``.
    public func swallowAll() {
        swallowOpen()
        state.withLock { $0.swallowsNew = true }
    }

    /// Connections to come work again; those that were swallowed stay dead.
    public func heal() { state.withLock { $0.swallowsNew = false } }

    /// Ends every connection with a reset.
    public func reset() {
        state.withLock { state in
            for link in state.links.values {
                var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
                _ = unsafe setsockopt(
                    link.client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                _ = Glibc.shutdown(link.client, Int32(SHUT_RDWR))
                _ = Glibc.shutdown(link.server, Int32(SHUT_RDWR))
            }
        }
    }

    public func stop() { server.stop() }

    private static func serve(_ client: Int32, _ number: Int, _ path: String, _ state: Lock<State>) {
        let server = connect(path)
        guard server >= 0 else { return }
        state.withLock {
            $0.accepted += 1
            $0.links[number] = Link(client: client, server: server, isSwallowed: $0.swallowsNew)
        }
        let ended = OneShotFlag()
        startThread(named: "proxy-back") {
            carry(from: server, to: client) {
                state.withLock { ($0.links[number]?.isSwallowed ?? true, $0.delay) }
            }
            // A swallowed connection does not even end.
            if state.withLock({ $0.links[number]?.isSwallowed }) != true { _ = shutdown(client, Int32(SHUT_RDWR)) }
            ended.set()
        }
        carry(from: client, to: server) { state.withLock { ($0.links[number]?.isSwallowed ?? true, .zero) } }
        _ = shutdown(server, Int32(SHUT_RDWR))
        ended.wait()
        state.withLock { $0.links[number] = nil }
        _ = close(server)
    }

    /// Until one of them ends.
    private static func carry(
        from source: Int32, to target: Int32, _ way: () -> (isSwallowed: Bool, delay: Duration)
    ) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(source, $0.baseAddress, $0.count, 0) }
            if count <= 0 { return }
            let delay = way().delay
            if delay > .zero { usleep(UInt32(delay / .microseconds(1))) }
            if way().isSwallowed { continue }
            var sent = 0
            while sent < count {
                let more = unsafe bytes.withUnsafeBytes {
                    let rest = unsafe UnsafeRawBufferPointer(rebasing: $0[sent..<count])
                    return unsafe send(target, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                }
                if more <= 0 { return }
                sent += more
            }
        }
    }

    private static func connect(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
            for (index, byte) in path.utf8.prefix(target.count - 1).enumerated() { unsafe target[index] = byte }
        }
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe Glibc.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        if connected { return descriptor }
        _ = close(descriptor)
        return -1
    }
}

/// Set once, by one thread for another.
private final class OneShotFlag: Sendable {
    private let wakeup = Wakeup()

    func set() { wakeup.signal() }

    func wait() {
        var descriptor = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&descriptor, 1, -1) < 0 {}
    }
}
