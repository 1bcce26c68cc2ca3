/// A queue on an array; taking from the front is O(1) on average.
struct Fifo<Element>: Sequence {
    private var storage: [Element?] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }

    var first: Element? { isEmpty ? nil : storage[head] }

    /// Changes the front element in place.
    ///
    /// - Returns: `nil` if there is none.
    mutating func changeFirst<R>(_ body: (inout Element) -> R) -> R? {
        guard !isEmpty, var element = storage[head] else { return nil }
        // Out of the array while it changes: no copy of what it holds.
        storage[head] = nil
        defer { storage[head] = element }
        return body(&element)
    }

    mutating func append(_ element: Element) { storage.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = storage[head]
        storage[head] = nil
        head += 1
        if head == storage.count {
            storage.removeAll(keepingCapacity: head <= 1024)
            head = 0
        } else if head >= 1024, head * 2 >= storage.count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func takeAll() -> [Element] {
        defer { self = Self() }
        return Array(self)
    }

    func makeIterator() -> some IteratorProtocol<Element> { storage[head...].lazy.compactMap { $0 }.makeIterator() }

    /// Removes what `isOut` says, keeping the order.
    ///
    /// - Returns: how many were removed.
    mutating func removeAll(where isOut: (Element) -> Bool) -> Int {
        let before = count
        var kept: [Element?] = []
        kept.reserveCapacity(before)
        for element in self where !isOut(element) { kept.append(element) }
        storage = kept
        head = 0
        return before - count
    }

    mutating func prepend(_ elements: [Element]) {
        storage = elements + Array(storage[head...])
        head = 0
    }
}
