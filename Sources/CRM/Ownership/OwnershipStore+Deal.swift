internal import Postgres

extension OwnershipStore {
    /// Closes a private customer: its open distribution becomes a deal, and it is enrolled.
    static func close(_ customer: Int, inTheNameOf seller: Int, in tx: inout Transaction) throws {
        // A page of the CRM that named the consultant a moment ago may not have written his distribution yet.
        _ = try tx.query(
            """
            WITH ended AS (
                UPDATE crm_customerdistribution SET status = 2, ended_on = greatest(ctime, paidan.today())
                WHERE customer_id = \(customer)::bigint AND status = 1 RETURNING id)
            INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
            SELECT \(seller)::bigint, \(customer)::bigint, day.today, 2, 'crm', day.today
            FROM (SELECT paidan.today() AS today OFFSET 0) day WHERE NOT EXISTS (SELECT FROM ended)
            """)
        try markClosed(customer, consultant: seller, in: &tx)
    }

    /// Closes a public customer in the name of who lost it; the distribution that expired stays as it ended.
    ///
    /// - Returns: the distribution of the deal.
    static func closeLate(_ customer: Int, inTheNameOf seller: Int, in tx: inout Transaction) throws -> Int {
        let made = try tx.query(
            """
            INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
            SELECT \(seller)::bigint, \(customer)::bigint, day.today, 2, 'manual', day.today
            FROM (SELECT paidan.today() AS today OFFSET 0) day RETURNING id
            """)
        try markClosed(customer, consultant: seller, in: &tx)
        return try made[0].int(0)
    }

    private static func markClosed(_ customer: Int, consultant: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            UPDATE crm_customer SET status = 1, consultant_id = \(consultant)::bigint, pool_since = NULL,
                protected_until = NULL, version = version + 1
            WHERE id = \(customer)::bigint
            """)
        try Enrolment.make(of: customer, in: &tx)
    }

    /// The seller of a closed customer's last deal; of one that a sheet or a page closed, the consultant it names.
    ///
    /// - Returns: `nil` if nobody is on record.
    static func dealSeller(of customer: Int, in tx: inout Transaction) throws -> Int? {
        try tx.query(
            """
            SELECT coalesce((
                SELECT user_id FROM crm_customerdistribution WHERE customer_id = c.id AND status = 2
                ORDER BY id DESC LIMIT 1), c.consultant_id)
            FROM crm_customer c WHERE c.id = \(customer)::bigint
            """
        ).first?.optionalInt(0)
    }
}
