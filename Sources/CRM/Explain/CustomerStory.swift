/// Why a customer is where it is, from stored facts (`GET /v1/customers/{id}/explain`).
public struct CustomerStory: Sendable, Equatable {
    /// One thing that happened, or holds.
    public struct Fact: Sendable, Equatable {
        /// Milliseconds since 1970. Of a row that knows only its day: the beginning of that day, or the moment of what
        /// it followed from on that day.
        public let at: Int
        /// A plain Chinese sentence; people by id.
        public let what: String
        /// Whom it is about, a row of `crm_userinfo`.
        public let user: Int?
        /// Table and key of the row that says so: `paidan.import_row 3/17`, `crm_customerdistribution 12`.
        public let source: String
    }

    public let customer: Int
    /// As of today: `pending private public closed`.
    public let state: String
    /// In the order of time.
    public let facts: [Fact]
}
