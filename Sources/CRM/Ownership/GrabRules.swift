/// What bounds grabs beside the seller's own caps: `[pool]` of jobs.conf.
public struct PoolSettings: Sendable, Equatable {
    /// Grabs of one seller in one day; 0 is no bound.
    public var picksPerDay: Int
    /// Days in the pool before anybody may grab; 0 is none.
    public var coolOffDays: Int

    public init(picksPerDay: Int = 0, coolOffDays: Int = 0) {
        self.picksPerDay = picksPerDay
        self.coolOffDays = coolOffDays
    }
}

/// May this seller take this customer out of the pool? Pure.
struct GrabRules: Sendable {
    /// The seller at this moment, his row locked.
    struct Grabber: Sendable, Equatable {
        let user: Int
        /// By the mode in force he may not have this customer again.
        var isBarred = false
        /// His customers with an open distribution.
        var holding = 0
        var holdingCap: Int?
        /// By assignment and grab, today.
        var takenToday = 0
        var dailyCap: Int?
        /// By grab alone, today.
        var picksToday = 0
    }

    let settings: PoolSettings

    /// - Returns: the first reason that holds; `nil` when he may.
    func refusal(_ customer: HeldCustomer, _ grabber: Grabber) -> MoveRefusal? {
        switch customer.state {
        case .pending: return .pending
        case .closed: return .closed
        case .private: return .taken
        case .public where customer.isPromised: return .taken
        case .public: break
        }
        if grabber.isBarred { return .formerOwner }
        if let cap = grabber.holdingCap, grabber.holding >= cap { return .limit }
        if let cap = grabber.dailyCap, grabber.takenToday >= cap { return .limit }
        if settings.picksPerDay > 0, grabber.picksToday >= settings.picksPerDay { return .limit }
        if let days = customer.poolDays, days < settings.coolOffDays { return .limit }
        return nil
    }
}
