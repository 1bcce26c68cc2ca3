import Jobs
import OwnerThread

/// Makes ids of jobs. Ids must differ, not be secret: the system is asked for chance once, not twice an id.
final class JobIDs: Sendable {
    private let random: Lock<Xoshiro256>

    init() {
        var system = SystemRandomNumberGenerator()
        random = Lock(Xoshiro256(seed: (system.next(), system.next(), system.next(), system.next() | 1)))
    }

    /// - Parameter milliseconds: since 1970.
    func make(at milliseconds: Int) -> String { random.withLock { JobID.make(at: milliseconds, using: &$0) } }
}

/// xoshiro256** of Blackman and Vigna.
private struct Xoshiro256: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// - Parameter seed: not all zero.
    init(seed: (UInt64, UInt64, UInt64, UInt64)) { state = seed }

    mutating func next() -> UInt64 {
        let result = Self.rotated(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotated(state.3, by: 45)
        return result
    }

    private static func rotated(_ value: UInt64, by bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
}
