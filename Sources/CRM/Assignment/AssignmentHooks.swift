public import Postgres

/// What else happens in the transaction that gives customers to sellers; wiring fills it with Notifications and Import.
public struct AssignmentHooks: Sendable {
    /// Customers entered singly have got their sellers: one event `assigned` each,
    /// dedupe key `assigned:customer:<distribution>`.
    public var assigned: @Sendable (_ owners: [NewOwner], _ tx: inout Transaction) throws -> Void
    /// The assignment job of one chunk of an import ends with this transaction; the event of each seller is written by
    /// the last of them.
    public var chunkAssigned:
        @Sendable (_ importID: Int, _ chunk: Int, _ owners: [NewOwner], _ tx: inout Transaction) throws -> Void
    /// A seller has left and so many customers wait for another one: event `offboard`.
    public var offboarded: @Sendable (_ user: Int, _ customers: Int, _ tx: inout Transaction) throws -> Void
    /// Customers have waited for 30 minutes with nobody to take them: event `no_capacity`, dedupe key
    /// `no_capacity:<since>`, `since` in seconds since 1970.
    public var noCapacity: @Sendable (_ waiting: Int, _ since: Int, _ tx: inout Transaction) throws -> Void

    /// Nothing else happens.
    public init() {
        assigned = { _, _ in }
        chunkAssigned = { _, _, _, _ in }
        offboarded = { _, _, _ in }
        noCapacity = { _, _, _ in }
    }
}
