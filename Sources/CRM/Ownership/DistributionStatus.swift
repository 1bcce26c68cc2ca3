/// `crm_customerdistribution.status`: how somebody's ownership of a customer stands. 1 to 4 are the CRM's own codes.
enum DistributionStatus: Int, Sendable {
    /// 正在跟进: the owner has it.
    case open = 1
    /// 已成单.
    case deal = 2
    /// 3天未跟进.
    case notFollowed = 3
    /// 15天未成单.
    case notSigned = 4
    /// 已转出, by a manager.
    case movedOut = 5
    /// 主动退回, by the owner.
    case released = 6
    /// 导入撤销.
    case undone = 7
    /// 离职回收.
    case left = 8

    /// The owner let the customer go: he may not grab it again.
    var bars: Bool { self == .notFollowed || self == .notSigned || self == .released }

    /// It ended because a day passed.
    var isExpiry: Bool { self == .notFollowed || self == .notSigned }
}

/// `crm_customerdistribution.origin`: how somebody came to own a customer.
enum DistributionOrigin: String, Sendable {
    /// By its slot.
    case auto
    /// He entered the customer himself.
    case own = "self"
    case grab
    /// A manager gave it.
    case manual
    /// A page of the CRM wrote it.
    case crm
    /// An imported sheet named him.
    case `import`
}
