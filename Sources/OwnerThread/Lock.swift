#if PAIDAN_TSAN
internal import Glibc

/// A value behind a lock: `Synchronization.Mutex`, except under the thread sanitizer.
///
/// The slow path of `Mutex` lies in the Swift runtime, which is not instrumented, so each contended lock would be
/// reported as a race; `pthread_mutex_lock` is intercepted. Build with `-Xswiftc -DPAIDAN_TSAN`.
@safe public final class Lock<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    public init(_ value: sending Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    public func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> sending R) throws(E) -> sending R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
#else
internal import Synchronization

/// A value behind a lock: `Synchronization.Mutex`, except under the thread sanitizer.
public final class Lock<Value>: Sendable {
    private let mutex: Mutex<Value>

    public init(_ value: sending Value) { mutex = Mutex(value) }

    public func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> sending R) throws(E) -> sending R {
        try mutex.withLock { value throws(E) in try body(&value) }
    }
}
#endif
