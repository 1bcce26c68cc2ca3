internal import Postgres

/// Events that tell somebody of one customer that is his now, written in the transaction that makes it so.
struct OwnerEvents: Sendable {
    let publisher: any EventPublisher

    /// One event a distribution, with its customer's name and due day; dedupe key `<type>:customer:<distribution>`.
    ///
    /// - Parameter type: `assigned`, `grabbed` or `transferred`.
    func publish(_ type: String, _ distributions: [Int], in tx: inout Transaction) throws {
        try publisher.publish(
            selecting: """
                WITH given AS MATERIALIZED (
                    SELECT d.id, d.customer_id, d.user_id, c.name, right(c.qq, 4) AS qq, c.recv_date, c.last_consult_date
                    FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
                    WHERE d.id = ANY(\(distributions)::int[])
                ), last AS (
                    -- The rule is asked once for each pair of dates: most customers of one transaction have the same.
                    SELECT recv_date, last_consult_date, paidan.expired_on(recv_date, last_consult_date, NULL) - 1 AS day
                    FROM (SELECT DISTINCT recv_date, last_consult_date FROM given) starts
                )
                SELECT \(type)::text, 'customer:' || customer_id, \(type)::text || ':customer:' || id,
                    jsonb_build_object('user_id', user_id, 'count', 1, 'first_expiry', last.day, 'customers',
                        jsonb_build_array(jsonb_build_object('id', customer_id, 'name', name, 'qq_last4', qq)))
                FROM given LEFT JOIN last USING (recv_date, last_consult_date) ORDER BY id
                """, in: &tx)
    }
}
