import Foundation

/// A clock that shows 1001, 1002 …
final class Ticks: @unchecked Sendable {
    private let lock = NSLock()
    private var last: Int64 = 1000

    func next() -> Int64 {
        lock.withLock {
            last += 1
            return last
        }
    }
}
