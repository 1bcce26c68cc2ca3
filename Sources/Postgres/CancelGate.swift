internal import CPQ
internal import Dispatch
internal import Glibc
internal import OwnerThread

/// Everything that other threads may do to a session's connection: ask the server to cancel, and cut the socket.
///
/// Both name the operation they are meant for and do nothing once it is over, so they never hit the next one.
final class CancelGate: Sendable {
    /// How long a session waits for the answer to a request to cancel before it gives up its connection instead.
    static let patience = DispatchTimeInterval.seconds(1)

    private final class Request: Sendable {
        let done = DispatchSemaphore(value: 0)
    }

    /// One call into libpq that may block, and the server's process it is for.
    struct Call: Sendable, Hashable {
        let number: UInt64
        let backend: Int
    }

    private struct State {
        /// Odd while a call is under way.
        var calls: UInt64 = 0
        var backend = 0
        var socket: Int32 = -1
        var canceller: Canceller?
        var current: Operation?
        var request: Request?
    }

    private let state = Lock(State())

    func connected(socket: Int32, canceller: Canceller) {
        state.withLock {
            $0.socket = socket
            $0.canceller = canceller
        }
    }

    /// Forgets the connection, then calls `close`; the socket's number may belong to something else afterwards.
    func disconnect(_ close: () -> Void) {
        state.withLock {
            $0.socket = -1
            $0.canceller = nil
            $0.request = nil
            $0.backend = 0
            close()
        }
    }

    /// The server's process that this connection talks to.
    func serves(backend: Int) { state.withLock { $0.backend = backend } }

    /// Around every call that may block.
    func enterCall() { state.withLock { $0.calls += 1 } }

    func leaveCall() { state.withLock { $0.calls += 1 } }

    /// The call that an operation waits for now.
    var call: Call? {
        state.withLock {
            guard $0.current != nil, $0.calls % 2 == 1, $0.backend != 0 else { return nil }
            return Call(number: $0.calls, backend: $0.backend)
        }
    }

    var isBusy: Bool { state.withLock { $0.current != nil } }

    func begin(_ operation: Operation) { state.withLock { $0.current = operation } }

    func end() { state.withLock { $0.current = nil } }

    /// Asks the server to cancel what the session runs for `operation`; at most once for an operation.
    func cancel(_ operation: Operation) {
        let started = state.withLock { state -> (Request, Canceller)? in
            guard state.current === operation, state.request == nil, let canceller = state.canceller else { return nil }
            let request = Request()
            state.request = request
            return (request, canceller)
        }
        guard let (request, canceller) = started else { return }
        // PQcancel opens a connection and blocks until the server closes it: for ever, if the server is frozen.
        startThread(named: "pg-cancel") {
            canceller.cancel()
            request.done.signal()
        }
    }

    /// Cuts the connection, so that a session which waits for a dead or frozen server comes free.
    func cut(_ operation: Operation) {
        state.withLock {
            guard $0.current === operation, $0.socket >= 0 else { return }
            shutdown($0.socket, Int32(SHUT_RDWR))
        }
    }

    /// Cuts the connection unless the call has returned.
    func cut(_ call: Call) {
        state.withLock {
            guard $0.current != nil, $0.calls == call.number, $0.backend == call.backend, $0.socket >= 0 else { return }
            shutdown($0.socket, Int32(SHUT_RDWR))
        }
    }

    /// Waits for a request to cancel that is under way: after that it cannot hit the next statement.
    ///
    /// - Returns: false if there was no answer; the connection is not to be used any more.
    func settle() -> Bool {
        guard let request = state.withLock({ $0.request }) else { return true }
        guard request.done.wait(timeout: .now() + Self.patience) == .success else { return false }
        state.withLock { $0.request = nil }
        return true
    }
}

/// The right to cancel on one connection, usable on any thread and after the connection is closed.
@safe final class Canceller: @unchecked Sendable {
    private let raw: OpaquePointer

    /// libpq: PQfreeCancel frees what PQgetCancel made.
    init(takingOwnershipOf raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe PQfreeCancel(raw) }

    /// Blocks until the server took the request. Its failure shows in that nothing is cancelled.
    func cancel() {
        var message = [CChar](repeating: 0, count: 256)
        _ = unsafe PQcancel(raw, &message, Int32(message.count))
    }
}
