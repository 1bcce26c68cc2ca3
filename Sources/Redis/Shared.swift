internal import OwnerThread

/// What the client's callers and its owner thread share.
final class Shared: Sendable {
    struct State {
        var statistics = RedisStatistics()
        var connectionNumber = 0
        /// Number of the connection that `reconnect()` wants dropped.
        var drop: Int?
        /// A waiting operation was cancelled: it should leave the inbox.
        var sweep = false
    }

    let inbox: Inbox<RedisOperation>
    let wakeup: Wakeup
    let state = Lock(State())

    init(limit: Int) {
        let wakeup = Wakeup()
        self.wakeup = wakeup
        inbox = Inbox(limit: limit) { wakeup.signal() }
    }

    func sweepSoon() {
        let first = state.withLock { state in
            defer { state.sweep = true }
            return !state.sweep
        }
        if first { wakeup.signal() }
    }

    func count(_ counter: WritableKeyPath<RedisStatistics, Int>) {
        state.withLock { $0.statistics[keyPath: counter] += 1 }
    }
}
