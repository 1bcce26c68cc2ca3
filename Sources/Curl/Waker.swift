internal import CCurl
internal import OwnerThread

/// Wakes the owner thread out of `curl_multi_poll`.
final class Waker: Sendable {
    /// Address of the `CURLM` in use, 0 while there is none. Wake-ups happen under the lock, so it is never a dead one.
    private let multi = Lock(UInt(0))

    /// curl_multi_wakeup(3): may be called from any thread; a wake-up before the poll ends the next poll at once.
    func wake() {
        multi.withLock { address in
            guard let multi = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return }
            _ = unsafe curl_multi_wakeup(multi)
        }
    }

    func use(address: UInt) { multi.withLock { $0 = address } }
}
