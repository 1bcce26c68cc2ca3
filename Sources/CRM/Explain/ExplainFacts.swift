/// What the tables know of one customer. Moments are milliseconds since 1970; a day has its text (`2018-05-19`) and the
/// moment at which it begins.
struct ExplainFacts: Sendable {
    struct Day: Sendable, Equatable {
        let text: String
        let begin: Int

        func holds(_ moment: Int) -> Bool { moment >= begin && moment < begin + 86_400_000 }
    }

    struct Customer: Sendable {
        let id: Int
        /// As of today.
        let state: String
        /// The row's own consultant, overdue or not.
        let consultant: Int?
        /// When the last day has passed and no sweep has met it: the first day in the pool, and status 3 or 4.
        var lost: (day: Day, status: Int)?
        var followDue: String?
        var dealDue: String?
        var expires: String?
        var protectedUntil: String?
        var poolSince: Day?
        /// 咨询日期.
        let entered: Day
        let now: Int
        let today: String
    }

    struct Import: Sendable {
        let id: Int
        let row: Int?
        /// `rbac_user`; `nil` is the command line.
        let uploader: Int?
        let uploadingSeller: Int?
        let uploadedAt: Int
        let chunk: Int?
        let storedAt: Int?
        let isAssigned: Bool
    }

    struct Slot: Sendable {
        let cycle: Int
        let position: Int
        let strategy: String
        let at: Int?
    }

    struct Distribution: Sendable {
        let id: Int
        let user: Int
        let origin: String
        let status: Int
        let began: Day
        let ended: Day?
        let memo: String?
        var slot: Slot?
        /// It stands in the archive, since then, because.
        var archived: (at: Int, why: String)?

        var isExpired: Bool { DistributionStatus(rawValue: status)?.isExpiry ?? false }
    }

    struct Note: Sendable {
        let id: Int
        let user: Int
        let day: Day
        let isVisible: Bool
    }

    struct Payment: Sendable {
        let id: Int
        let type: Int
        let user: Int
        let at: Int
    }

    struct Student: Sendable {
        let id: Int
        let day: Day?
    }

    struct Change: Sendable {
        let id: Int
        let at: Int
        /// `user:3`, `job:pool.sweep`, `database:crm` …
        let actor: String
        /// Of an actor who is a seller.
        let seller: Int?
        let action: String
        /// The distribution, if the change is one of its row.
        let distribution: Int?
        let ownerBefore: Int?
        let ownerAfter: Int?
        let protectedUntil: String?
        /// Names of the changed columns.
        let columns: [String]
        /// Whom it is about in its own words, a row of `crm_userinfo`: who got the customer, in whose name it closed,
        /// whose note or payment it was.
        var subject: Int?
        /// The distribution that it began.
        var began: Int?
        /// The note that it wrote, and whether that moved the clock.
        var note: Int?
        var movedClock: Bool?
        /// The customer signed.
        var closes = false
    }

    /// Why a pending customer has nobody.
    enum Wait: Sendable, Equatable {
        /// Somebody can take it; the job has not come to it.
        case onItsWay
        /// Nobody has a share.
        case noShares
        /// Nobody can take a customer now; reasons by seller.
        case noCapacity([Int: VoidReason])
        /// Whoever could take one may not have this one.
        case barred([Int])
    }

    struct Rules: Sendable, Equatable {
        var followUpDays = 3
        var dealDays = 15
        var isWorkday = false
        /// `any_former` or `last_owner`.
        var formerOwner = "any_former"
        var cooldownDays = 0
        /// Sellers whom the mode in force bars, as of today.
        var barred: Set<Int> = []
    }

    var customer: Customer
    var imported: Import?
    /// By id, the archived ones among them.
    var distributions: [Distribution] = []
    var notes: [Note] = []
    var payments: [Payment] = []
    var student: Student?
    /// By id.
    var changes: [Change] = []
    var wait: Wait?
    var rules = Rules()
}
