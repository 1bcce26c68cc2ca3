internal import Glibc

/// Plain values in one piece of memory that grows; freed once.
///
/// `realloc` moves a large piece by its pages, so growth needs no second copy, and pages never written take no memory.
@safe struct Arena<Element: BitwiseCopyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 256) {
        self.capacity = capacity
        unsafe base = Self.resize(nil, capacity)
    }
    deinit { unsafe free(base) }

    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { grow(1) }
        unsafe base[count] = element
        count += 1
    }

    @inline(__always)
    mutating func append(_ elements: UnsafePointer<Element>, _ number: Int) {
        if number > capacity - count { grow(number) }
        unsafe memcpy(base + count, elements, number * MemoryLayout<Element>.stride)
        count += number
    }

    /// Forgets all elements from `count` on.
    @inline(__always)
    mutating func truncate(_ count: Int) { self.count = min(count, self.count) }

    /// Gives back memory that is not used.
    mutating func trim() {
        capacity = max(count, 1)
        unsafe base = Self.resize(base, capacity)
    }

    @inline(never)
    private mutating func grow(_ number: Int) {
        capacity = max(count + number, capacity + capacity / 2)
        unsafe base = Self.resize(base, capacity)
    }

    private static func resize(_ old: UnsafeMutablePointer<Element>?, _ capacity: Int) -> UnsafeMutablePointer<Element>
    {
        let raw = unsafe realloc(old, capacity * MemoryLayout<Element>.stride)
        guard let raw = unsafe raw else { preconditionFailure("out of memory for \(capacity) elements of a sheet") }
        return unsafe raw.assumingMemoryBound(to: Element.self)
    }
}
