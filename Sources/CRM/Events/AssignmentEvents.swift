public import Postgres

/// The events of the assignment, written in its transaction.
public struct AssignmentEvents: Sendable {
    private let publisher: any EventPublisher

    public init(publisher: any EventPublisher) { self.publisher = publisher }

    /// - Parameter chunkAssigned: tells the import that one of its chunks has got its sellers.
    public func hooks(
        chunkAssigned:
            @escaping @Sendable (_ importID: Int, _ chunk: Int, _ owners: [NewOwner], _ tx: inout Transaction)
            throws -> Void
    ) -> AssignmentHooks {
        var hooks = AssignmentHooks()
        let owners = OwnerEvents(publisher: publisher)
        hooks.assigned = { assigned, tx in try owners.publish("assigned", assigned.map(\.distribution), in: &tx) }
        hooks.chunkAssigned = chunkAssigned
        hooks.offboarded = { user, customers, tx in try offboarded(user, customers, in: &tx) }
        hooks.noCapacity = { waiting, since, tx in
            let payload = "{\"waiting\":\(waiting),\"since\":\(since)}"
            try publisher.publish(
                [
                    NewEvent(
                        type: "no_capacity", subject: "assignment", dedupeKey: "no_capacity:\(since)",
                        payload: Array(payload.utf8))
                ], in: &tx)
        }
        return hooks
    }

    private func offboarded(_ user: Int, _ customers: Int, in tx: inout Transaction) throws {
        // He may come back and leave again: each time is an event of its own.
        let moment = try tx.query("SELECT extract(epoch FROM paidan.now())::bigint")[0].int(0)
        try publisher.publish(
            [
                NewEvent(
                    type: "offboard", subject: "user:\(user)", dedupeKey: "offboard:\(user):\(moment)",
                    payload: Array("{\"user_id\":\(user),\"count\":\(customers)}".utf8))
            ], in: &tx)
    }
}
