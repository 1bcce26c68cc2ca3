internal import Dispatch

/// Work handed from many tasks to several owner threads; bounded, first in first out.
///
/// Of several waiting threads the one that waited the shortest gets the next element, so threads that are not needed
/// stay asleep (and need not even connect).
public final class WorkQueue<Element: Sendable>: Sendable {
    public enum Acceptance: Sendable {
        case accepted
        /// `limit` elements are waiting already; the element was not taken.
        case full
        case closed
    }

    /// A thread asleep in `takeOne()`.
    private final class Taker: Sendable {
        let wake = DispatchSemaphore(value: 0)
        let element = Lock<Element?>(nil)
    }

    private struct State {
        /// Waiting elements are `items[head...]`; what lies before was taken.
        var items: [Element?] = []
        var head = 0
        var takers: [Taker] = []
        var closed = false

        var depth: Int { items.count - head }

        mutating func takeFirst() -> Element? {
            guard head < items.count else { return nil }
            let element = items[head]
            items[head] = nil
            head += 1
            if head == items.count {
                items.removeAll(keepingCapacity: true)
                head = 0
            } else if head > 1024, head > items.count / 2 {
                items.removeFirst(head)
                head = 0
            }
            return element
        }
    }

    private let limit: Int
    private let state = Lock(State())

    /// - Parameter limit: elements that may wait, at least 1.
    public init(limit: Int) {
        precondition(limit >= 1, "limit must be at least 1, is \(limit)")
        self.limit = limit
    }

    /// Elements waiting now.
    public var depth: Int { state.withLock { $0.depth } }

    public var isClosed: Bool { state.withLock { $0.closed } }

    public func put(_ element: Element) -> Acceptance {
        let (acceptance, taker) = state.withLock { state -> (Acceptance, Taker?) in
            if state.closed { return (.closed, nil) }
            if let taker = state.takers.popLast() { return (.accepted, taker) }
            if state.depth >= limit { return (.full, nil) }
            state.items.append(element)
            return (.accepted, nil)
        }
        if let taker { Self.hand(element, to: taker) }
        return acceptance
    }

    /// Gives back a taken element, to be the next one taken; the limit does not apply to it.
    ///
    /// - Returns: false after `close()`: the element was not taken.
    public func putBack(_ element: Element) -> Bool {
        let (accepted, taker) = state.withLock { state -> (Bool, Taker?) in
            if state.closed { return (false, nil) }
            if let taker = state.takers.popLast() { return (true, taker) }
            if state.head > 0 {
                state.head -= 1
                state.items[state.head] = element
            } else {
                state.items.insert(element, at: 0)
            }
            return (true, nil)
        }
        if let taker { Self.hand(element, to: taker) }
        return accepted
    }

    /// Blocks the calling thread until there is work, then returns the oldest element; `nil` once closed and empty.
    public func takeOne() -> Element? {
        let taker = state.withLock { state -> (Element?, Taker?) in
            if let element = state.takeFirst() { return (element, nil) }
            if state.closed { return (nil, nil) }
            let taker = Taker()
            state.takers.append(taker)
            return (nil, taker)
        }
        guard let waiting = taker.1 else { return taker.0 }
        waiting.wake.wait()
        return waiting.element.withLock { $0 }
    }

    /// Drops waiting elements for which `isDead` is true.
    public func removeAll(where isDead: (Element) -> Bool) {
        state.withLock { state in
            state.items = state.items[state.head...].filter { $0.map { !isDead($0) } ?? false }
            state.head = 0
        }
    }

    /// Takes nothing in any more and wakes all takers.
    ///
    /// - Returns: what was waiting, oldest first; it will not be taken.
    @discardableResult public func close() -> [Element] {
        let (left, takers) = state.withLock { state -> ([Element], [Taker]) in
            let result = (state.items[state.head...].compactMap { $0 }, state.takers)
            state = State(closed: true)
            return result
        }
        for taker in takers { taker.wake.signal() }
        return left
    }

    private static func hand(_ element: Element, to taker: Taker) {
        taker.element.withLock { $0 = element }
        taker.wake.signal()
    }
}
