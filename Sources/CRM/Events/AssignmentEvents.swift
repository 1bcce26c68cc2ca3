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
        hooks.assigned = { owners, tx in try assigned(owners, in: &tx) }
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

    /// One event a customer that was entered singly.
    private func assigned(_ owners: [NewOwner], in tx: inout Transaction) throws {
        let rows = try tx.query(
            """
            SELECT d.id, d.customer_id, json_build_object('user_id', d.user_id, 'count', 1,
                'first_expiry', paidan.expired_on(c.recv_date, c.last_consult_date, NULL) - 1,
                'customers', json_build_array(json_build_object('id', c.id, 'name', c.name, 'qq_last4', right(c.qq, 4))))
            FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
            WHERE d.id = ANY(\(owners.map(\.distribution))::bigint[]) ORDER BY d.id
            """)
        try publisher.publish(
            try rows.map { row in
                NewEvent(
                    type: "assigned", subject: "customer:\(try row.int(1))",
                    dedupeKey: "assigned:customer:\(try row.int(0))", payload: try row.utf8(2))
            }, in: &tx)
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
