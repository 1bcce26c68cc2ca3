/// One slot of an assignment cycle: the right of a seller to the next customer.
public struct SlotToken: Sendable, Hashable, CustomStringConvertible {
    public let cycle: Int
    /// Place in its cycle, from 1.
    public let position: Int
    public let user: Int

    public init(cycle: Int, position: Int, user: Int) {
        self.cycle = cycle
        self.position = position
        self.user = user
    }

    /// Reads `cycle:position:user`; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 3, let cycle = parts[0], let position = parts[1], let user = parts[2] else { return nil }
        self.init(cycle: cycle, position: position, user: user)
    }

    /// `cycle:position:user`, as it stands in the list.
    public var description: String { "\(cycle):\(position):\(user)" }
}

/// What the list is to hold from now on.
public struct CycleLoad: Sendable, Equatable {
    /// Number of the newest cycle.
    public let cycle: Int
    /// Grows from one assignment transaction to the next: an older load of the same cycle that comes late is dropped.
    public let stamp: Int
    /// Version of the shares the cycle was built from; clears a reload flag that asks for no newer one.
    public let rankVersion: Int
    /// Slots still free, in the order they are to be handed out.
    public let open: [SlotToken]
    /// Every slot of the open cycle; empty while none is open.
    public let whole: [SlotToken]

    public init(cycle: Int, stamp: Int, rankVersion: Int, open: [SlotToken], whole: [SlotToken]) {
        self.cycle = cycle
        self.stamp = stamp
        self.rankVersion = rankVersion
        self.open = open
        self.whole = whole
    }
}

/// Hands out slots in order, one taker each, in front of PostgreSQL (`paidan:{assign}:list`).
///
/// It may lose, double or mix up tokens, or forget them all: only the slot's row in PostgreSQL counts, and what the list
/// lost is found there when it runs out.
public protocol SellerList: Sendable {
    /// Takes up to `count` tokens from the front, in order; fewer when the list runs out.
    func pop(_ count: Int) async throws -> [SlotToken]
    /// Puts tokens back to the front, in their order; those of a cycle older than the loaded one are dropped.
    func giveBack(_ tokens: [SlotToken]) async throws
    /// Replaces the list and its backup copy, unless a newer load is there.
    func load(_ load: CycleLoad) async throws
    /// Leaves a flag that the shares have changed: the next cycle is built from this version.
    func requestReload(version: Int) async throws
}
