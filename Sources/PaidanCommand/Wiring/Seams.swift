import CRM
import Channels
import Jobs
import Postgres

/// What is put between the parts when they are joined: nothing, but in a debug build that is told to misbehave.
struct Seams: Sendable {
    var store: @Sendable (any JobStore) -> any JobStore = { $0 }
    var list: @Sendable (any SellerList) -> any SellerList = { $0 }
    var publisher: @Sendable (any EventPublisher) -> any EventPublisher = { $0 }
    var channel: @Sendable (any Channel) -> any Channel = { $0 }
    /// Kinds that are not the product's.
    var kinds: @Sendable (PostgresPool) -> [Kind] = { _ in [] }

    /// - Throws: `CommandFailure` in a debug build if the environment names a line or a control that there is not.
    static func inForce() throws -> Seams {
        #if DEBUG
        try forFaultTests()
        #else
        Seams()
        #endif
    }
}
