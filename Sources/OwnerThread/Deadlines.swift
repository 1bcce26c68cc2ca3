internal import Glibc

/// Calls closures at given times, on one thread of its own.
///
/// Made for deadlines: nearly all are withdrawn before they come, so withdrawing is cheap. A closure must be short.
public final class Deadlines: Sendable {
    /// The one thread that all clients of this process share.
    public static let shared = Deadlines(named: "deadlines")

    public struct Token: Sendable {
        fileprivate let id: UInt64
    }

    private struct State {
        var heap = TimeHeap()
        var actions: [UInt64: @Sendable () -> Void] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Lock(State())
    // Not a semaphore: those wait by the wall clock on Linux, and one that is set back holds up every deadline.
    private let earlier = Wakeup()

    private init(named name: String) {
        startThread(named: name) { self.run() }
    }

    public func call(at time: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Token {
        let (token, isFirst) = state.withLock { state -> (Token, Bool) in
            state.lastID += 1
            let first = state.heap.first?.time
            state.actions[state.lastID] = action
            state.heap.insert(.init(time: time, id: state.lastID))
            return (Token(id: state.lastID), first.map { time < $0 } ?? true)
        }
        if isFirst { earlier.signal() }
        return token
    }

    /// The closure is not called any more, unless it is being called just now.
    public func withdraw(_ token: Token) {
        let action = state.withLock { state -> (@Sendable () -> Void)? in
            let action = state.actions.removeValue(forKey: token.id)
            // Times of withdrawn calls stay in the heap until they are the most of it.
            if state.heap.count > 64 + 2 * state.actions.count {
                let live = state.actions
                state.heap.keep { live[$0.id] != nil }
            }
            return action
        }
        // What the closure holds is let go outside the lock.
        _ = action
    }

    private func run() {
        while true {
            let (due, next) = state.withLock { state -> ([@Sendable () -> Void], ContinuousClock.Instant?) in
                var due: [@Sendable () -> Void] = []
                while let first = state.heap.first {
                    if let action = state.actions[first.id] {
                        guard first.time <= .now else { return (due, first.time) }
                        state.actions[first.id] = nil
                        due.append(action)
                    }
                    state.heap.removeFirst()
                }
                return (due, nil)
            }
            for action in due { action() }
            if !due.isEmpty { continue }
            wait(until: next)
        }
    }

    /// - Parameter time: nil is for ever, or until an earlier time is set.
    private func wait(until time: ContinuousClock.Instant?) {
        var milliseconds: Int32 = -1
        if let pause = time.map({ max(.zero, $0 - .now).components }) {
            // Rounded up: a look too early would only lead to another.
            milliseconds = Int32(
                min(pause.seconds, 3600) * 1000 + (pause.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        }
        var descriptor = pollfd(fd: earlier.descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&descriptor, 1, milliseconds)
        if descriptor.revents != 0 { earlier.clear() }
    }
}

/// A binary heap with the earliest time first.
struct TimeHeap {
    struct Entry {
        let time: ContinuousClock.Instant
        let id: UInt64
    }

    private var entries: [Entry] = []

    var first: Entry? { entries.first }
    var count: Int { entries.count }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].time < entries[parent].time else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].time < entries[least].time { least = child }
            }
            guard least != parent else { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    mutating func keep(_ isKept: (Entry) -> Bool) {
        let kept = entries.filter(isKept).sorted { $0.time < $1.time }
        entries = kept
    }
}
