internal import CZip
internal import Glibc

/// Plain values in one piece of memory that grows; given back once, to the system.
///
/// The memory is pages of its own, not the heap: growing moves the pages and copies nothing, pages never written take no
/// memory, and a large workbook leaves no holes in the heap of a process that lives for months.
@safe struct Arena<Element: BitwiseCopyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int

    private static var firstCapacity: Int { 64 << 10 }

    init() {
        capacity = Self.firstCapacity
        let pages = unsafe mmap(
            nil, Self.firstCapacity * MemoryLayout<Element>.stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
            -1, 0)
        unsafe base = Self.checked(pages)
    }
    deinit { unsafe munmap(base, capacity * MemoryLayout<Element>.stride) }

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
    mutating func trim() { resize(max(count, 1)) }

    @inline(never)
    private mutating func grow(_ number: Int) { resize(max(count + number, capacity + capacity / 2)) }

    private mutating func resize(_ capacity: Int) {
        let stride = MemoryLayout<Element>.stride
        unsafe base = Self.checked(paidan_resize_pages(base, self.capacity * stride, capacity * stride))
        self.capacity = capacity
    }

    private static func checked(_ pages: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Element> {
        guard let pages = unsafe pages, unsafe pages != MAP_FAILED else {
            preconditionFailure("out of memory for the cells of a sheet")
        }
        return unsafe pages.assumingMemoryBound(to: Element.self)
    }
}
