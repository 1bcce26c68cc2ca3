internal import Postgres

/// Events that tell somebody of one customer that is his now, written in the transaction that makes it so.
struct OwnerEvents: Sendable {
    let publisher: any EventPublisher

    /// One event a distribution, with its customer's name and due day; dedupe key `<type>:customer:<distribution>`.
    ///
    /// - Parameter type: `assigned`, `grabbed` or `transferred`.
    func publish(_ type: String, _ distributions: [Int], in tx: inout Transaction) throws {
        let rows = try tx.query(
            """
            SELECT d.id, d.customer_id, json_build_object('user_id', d.user_id, 'count', 1,
                'first_expiry', paidan.expired_on(c.recv_date, c.last_consult_date, NULL) - 1,
                'customers', json_build_array(json_build_object('id', c.id, 'name', c.name, 'qq_last4', right(c.qq, 4))))
            FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
            WHERE d.id = ANY(\(distributions)::bigint[]) ORDER BY d.id
            """)
        try publisher.publish(
            try rows.map { row in
                NewEvent(
                    type: type, subject: "customer:\(try row.int(1))",
                    dedupeKey: "\(type):customer:\(try row.int(0))", payload: try row.utf8(2))
            }, in: &tx)
    }
}
