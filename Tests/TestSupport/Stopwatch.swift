internal import Glibc
internal import OwnerThread
internal import Synchronization

/// Time since it was made, for upper bounds on a machine that is shared: what stood still with all of us is known.
public struct Stopwatch: Sendable {
    private let start = ContinuousClock.now
    private let stalledBefore = Stalls.seen.total

    public init() {}

    /// By the clock.
    public var elapsed: Duration { .now - start }

    /// ``elapsed`` less the time in which the machine did not even wake a thread that was due.
    public var granted: Duration { elapsed - (Stalls.seen.total - stalledBefore) }
}

/// A thread that asks to be woken every few milliseconds, and adds up how late it was.
private final class Stalls: Sendable {
    static let seen = Stalls()
    private static let pause = Duration.milliseconds(10)

    private let lateness = Atomic<Int64>(0)
    /// When the thread is due, in nanoseconds since ``began``.
    private let due = Atomic<Int64>(0)
    private let began = ContinuousClock.now

    private init() {
        due.store(nanoseconds + 1_000_000_000, ordering: .relaxed)
        startThread(named: "stalls") { [self] in
            while true {
                due.store(nanoseconds + Self.pause.nanoseconds, ordering: .relaxed)
                usleep(UInt32(Self.pause.nanoseconds / 1000))
                lateness.add(max(0, nanoseconds - due.load(ordering: .relaxed)), ordering: .relaxed)
            }
        }
    }

    /// With the lateness of a thread that is due and has not come yet.
    var total: Duration {
        .nanoseconds(lateness.load(ordering: .relaxed) + max(0, nanoseconds - due.load(ordering: .relaxed)))
    }

    private var nanoseconds: Int64 { (ContinuousClock.now - began).nanoseconds }
}

extension Duration {
    fileprivate var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
