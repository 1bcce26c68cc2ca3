internal import Postgres

/// What sellers and managers hear of expiry: one event a person, written in the transaction that makes it so.
struct ExpiryEvents: Sendable {
    let publisher: any EventPublisher

    /// Customers named in one event; the count is always whole.
    static let named = 50

    /// `expired`, one for each seller, of all that he lost and has not been told of, whoever let it expire.
    func publishExpired(in tx: inout Transaction) throws {
        let rows = try tx.query(
            """
            WITH told AS (
                UPDATE paidan.reminder SET is_told = true WHERE NOT is_told RETURNING distribution_id
            ), lost AS (
                SELECT d.user_id, d.id AS distribution, d.status, c.id, c.name, c.qq,
                    row_number() OVER (PARTITION BY d.user_id ORDER BY d.id) AS place
                FROM told JOIN crm_customerdistribution d ON d.id = told.distribution_id
                JOIN crm_customer c ON c.id = d.customer_id
            )
            SELECT user_id, min(distribution), json_build_object('user_id', user_id, 'count', count(*),
                'follow', count(*) FILTER (WHERE status = 3), 'deal', count(*) FILTER (WHERE status = 4),
                'customers', \(Self.customers))
            FROM lost GROUP BY user_id ORDER BY user_id
            """)
        try publisher.publish(
            try rows.map { row in
                NewEvent(
                    type: "expired", subject: "user:\(try row.int(0))",
                    dedupeKey: "expired:\(try row.int(0)):\(try row.int(1))", payload: try row.utf8(2))
            }, in: &tx)
    }

    /// The first customers of a group of rows with `id`, `name`, `qq` and their `place`.
    static let customers: SQL = """
        json_agg(json_build_object('id', id, 'name', name, 'qq_last4', right(qq, 4)) ORDER BY place)
            FILTER (WHERE place <= \(raw: "\(named)"))
        """
}
