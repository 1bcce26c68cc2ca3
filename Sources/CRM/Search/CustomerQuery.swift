/// What `GET /v1/customers` asks for: values of one filter are alternatives, filters hold together.
public struct CustomerQuery: Sendable, Equatable {
    public enum Sort: String, Sendable, CaseIterable {
        case id
        case name
        /// Customers without a date, who are not private, come last either way.
        case expiresOn = "expires_on"
        case lastConsultDate = "last_consult_date"
    }

    /// Parts of name, QQ, company or school; wild cards mean themselves.
    public var texts: [String] = []
    /// `pending private public closed`, as of today.
    public var states: [String] = []
    public var consultants: [Int] = []
    public var sources: [Int] = []
    /// Ids of `crm_course`.
    public var courses: [Int] = []
    public var educations: [Int] = []
    /// A day: private customers that expire before it.
    public var dueBefore: String?
    public var sort = Sort.id
    public var isDescending = true
    /// Customers of a page, 1 to 200.
    public var limit = 50
    /// `next_cursor` of the page before.
    public var cursor: String?

    public init() {}

    public static let states = ["pending", "private", "public", "closed"]

    /// The same for all pages of one list.
    var fingerprint: String {
        let parts: [(String, [String])] = [
            ("q", texts), ("state", states), ("consultant", consultants.map { "\($0)" }),
            ("source", sources.map { "\($0)" }), ("course", courses.map { "\($0)" }),
            ("education", educations.map { "\($0)" }), ("due", dueBefore.map { [$0] } ?? []),
            ("sort", [sort.rawValue, "\(isDescending)"]),
        ]
        return ListCursor.fingerprint(parts.map { [$0] + Set($1).sorted() })
    }
}

/// A page of a list.
public struct ListPage<Item: Sendable>: Sendable {
    public let items: [Item]
    /// nil at the end.
    public let nextCursor: String?
}

/// Why a list is not answered: 422.
public enum ListRefusal: Error, Sendable, Equatable {
    /// The cursor is broken, or of another list.
    case cursor
    /// It took too long: few customers, if any, are among very many that had to be looked at.
    case tooBroad
}
