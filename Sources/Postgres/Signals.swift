internal import OwnerThread

/// Channels with news, each at most once, and the consumer that waits for them.
final class Signals: Sendable {
    private struct State {
        var channels: [String] = []
        var waiter: CheckedContinuation<String?, Never>?
        var isFinished = false
    }

    private let state = Lock(State())

    func put(_ channel: String) {
        let waiter = state.withLock { state -> CheckedContinuation<String?, Never>? in
            if state.isFinished || state.channels.contains(channel) { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.channels.append(channel)
            return nil
        }
        waiter?.resume(returning: channel)
    }

    func next() async -> String? {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> String?? in
                if state.isFinished { return .some(nil) }
                if !state.channels.isEmpty { return .some(state.channels.removeFirst()) }
                state.waiter = continuation
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }
}
