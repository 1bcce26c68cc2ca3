import CRM
import OwnerThread

/// The seller list in memory, with the faults that Redis may have.
final class MemorySellerList: SellerList {
    /// Chances in percent, per call.
    struct Faults: Sendable {
        /// A popped token is gone.
        var lose = 0
        /// A popped token stays in the list too.
        var double = 0
        /// The list is shuffled.
        var shuffle = 0
        /// All is forgotten, as after a flush.
        var flush = 0
        /// The call fails, half of them after it took effect.
        var fail = 0

        static let many = Faults(lose: 8, double: 8, shuffle: 8, flush: 3, fail: 8)
    }

    struct Failure: Error {}

    fileprivate struct State {
        var list: [SlotToken] = []
        var origin: [SlotToken] = []
        var loaded = (cycle: 0, stamp: 0)
        var reset: Int?
        var random: SeededRandom
        var faults: Faults
    }

    private let state: Lock<State>

    init(faults: Faults = Faults(), seed: UInt64 = 1) {
        state = Lock(State(random: SeededRandom(seed), faults: faults))
    }

    var tokens: [SlotToken] { state.withLock { $0.list } }
    var origin: [SlotToken] { state.withLock { $0.origin } }
    var reset: Int? { state.withLock { $0.reset } }

    func set(_ faults: Faults) { state.withLock { $0.faults = faults } }

    /// The server lost everything.
    func flush() {
        state.withLock {
            $0.list = []
            $0.origin = []
            $0.loaded = (0, 0)
            $0.reset = nil
        }
    }

    func pop(_ count: Int) async throws -> [SlotToken] {
        try withFaults { state in
            let popped = Array(state.list.prefix(count))
            state.list.removeFirst(popped.count)
            return popped.filter { token in
                if state.chance(\.double) { state.list.append(token) }
                return !state.chance(\.lose)
            }
        }
    }

    func giveBack(_ tokens: [SlotToken]) async throws {
        try withFaults { state in
            state.list.insert(contentsOf: tokens.filter { $0.cycle >= state.loaded.cycle }, at: 0)
        }
    }

    func load(_ load: CycleLoad) async throws {
        try withFaults { state in
            guard (load.cycle, load.stamp) > state.loaded else { return }
            state.loaded = (load.cycle, load.stamp)
            state.list = load.open
            state.origin = load.whole
            if let reset = state.reset, reset <= load.rankVersion { state.reset = nil }
        }
    }

    func requestReload(version: Int) async throws {
        try withFaults { $0.reset = version }
    }

    private func withFaults<R: Sendable>(_ body: (inout State) -> R) throws -> R {
        try state.withLock { state in
            if state.chance(\.flush) {
                state.list = []
                state.loaded = (0, 0)
            }
            if state.chance(\.shuffle) { state.list.shuffle(using: &state.random) }
            let fails = state.chance(\.fail)
            if fails, Bool.random(using: &state.random) { throw Failure() }
            let result = body(&state)
            if fails { throw Failure() }
            return result
        }
    }
}

extension MemorySellerList.State {
    fileprivate mutating func chance(_ fault: KeyPath<MemorySellerList.Faults, Int>) -> Bool {
        let percent = faults[keyPath: fault]
        return percent > 0 && Int.random(in: 0..<100, using: &random) < percent
    }
}

/// splitmix64: the same numbers from the same seed, on every machine.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
