internal import Dispatch

/// Work handed from many tasks to one owner thread; bounded, first in first out.
///
/// After `close()` nothing more is taken in; `takeAll()` returns what is left once, then `nil`.
public final class Inbox<Element: Sendable>: Sendable {
    public enum Acceptance: Sendable {
        case accepted
        /// `limit` elements are waiting already; the element was not taken.
        case full
        case closed
    }

    private struct State {
        var items: [Element] = []
        /// Elements the owner took with `takeHolding()` and has not released.
        var held = 0
        var closed = false
    }

    private let limit: Int
    private let state = Lock(State())
    private let ready = DispatchSemaphore(value: 0)
    private let wake: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - limit: elements that may wait, at least 1.
    ///   - wake: called after the inbox stops being empty or closes, for an owner that blocks elsewhere than in `takeAll()`.
    public init(limit: Int, wake: (@Sendable () -> Void)? = nil) {
        precondition(limit >= 1, "limit must be at least 1, is \(limit)")
        self.limit = limit
        self.wake = wake
    }

    /// Elements waiting now, those included that the owner took and holds back.
    public var depth: Int { state.withLock { $0.items.count + $0.held } }

    public func put(_ element: Element) -> Acceptance {
        let (acceptance, first) = state.withLock { state -> (Acceptance, Bool) in
            if state.closed { return (.closed, false) }
            if state.items.count + state.held >= limit { return (.full, false) }
            state.items.append(element)
            return (.accepted, state.items.count == 1)
        }
        if first { signal() }
        return acceptance
    }

    public func close() {
        state.withLock { $0.closed = true }
        signal()
    }

    /// Blocks the calling thread until there is work, then returns all of it; `nil` once closed and empty.
    public func takeAll() -> [Element]? {
        while true {
            let (items, closed) = takeNow()
            if !items.isEmpty { return items }
            if closed { return nil }
            ready.wait()
        }
    }

    /// What waits now, without blocking.
    public func takeNow() -> (items: [Element], closed: Bool) {
        state.withLock { state in
            defer { state.items = [] }
            return (state.items, state.closed)
        }
    }

    /// What waits now, without blocking; it counts against the limit until `release(_:)`.
    ///
    /// For an owner that must look at waiting elements (their deadlines, say) before it can start them.
    public func takeHolding() -> (items: [Element], closed: Bool) {
        state.withLock { state in
            defer {
                state.held += state.items.count
                state.items = []
            }
            return (state.items, state.closed)
        }
    }

    /// The owner started, dropped or failed `count` elements of `takeHolding()`.
    public func release(_ count: Int) {
        if count == 0 { return }
        state.withLock { state in
            precondition(count <= state.held, "released \(count) of \(state.held) held elements")
            state.held -= count
        }
    }

    /// The owner holds `count` elements again that it had released; they may exceed the limit.
    public func holdAgain(_ count: Int) { state.withLock { $0.held += count } }

    private func signal() {
        ready.signal()
        wake?()
    }
}
