/// Why a slot was used up without a customer; the text stands in `paidan.assign_slot.reason`.
public enum VoidReason: String, Sendable, CaseIterable {
    /// Inactive, or no longer of department 1001.
    case left
    /// His share was set to 0.
    case num
    case leave
    case dailyCap = "daily_cap"
    case holdingCap = "holding_cap"
    /// Its customer was taken out by an import's undo after the cycle had closed.
    case undone
}

/// A seller as the assignment sees him at one moment.
public struct Seller: Sendable, Equatable {
    public let user: Int
    /// Share of a cycle, 0–1000.
    public var num: Int
    public var weight: Int
    /// Active and of department 1001.
    public var isActive: Bool
    /// Absent today.
    public var isOnLeave: Bool
    /// Most customers by assignment and grab in one day; `nil` for no bound.
    public var dailyCap: Int?
    public var takenToday: Int
    /// Most customers in hand; `nil` for no bound.
    public var holdingCap: Int?
    public var holding: Int

    public init(
        user: Int, num: Int, weight: Int, isActive: Bool = true, isOnLeave: Bool = false, dailyCap: Int? = nil,
        takenToday: Int = 0, holdingCap: Int? = nil, holding: Int = 0
    ) {
        self.user = user
        self.num = num
        self.weight = weight
        self.isActive = isActive
        self.isOnLeave = isOnLeave
        self.dailyCap = dailyCap
        self.takenToday = takenToday
        self.holdingCap = holdingCap
        self.holding = holding
    }

    /// Takes part in the next cycle; leave and caps are judged slot by slot.
    public var isEligible: Bool { isActive && num > 0 }

    /// Why he can take no customer now; `nil` when he can.
    public var refusal: VoidReason? {
        if !isActive { return .left }
        if num <= 0 { return .num }
        if isOnLeave { return .leave }
        if let dailyCap, takenToday >= dailyCap { return .dailyCap }
        if let holdingCap, holding >= holdingCap { return .holdingCap }
        return nil
    }
}
