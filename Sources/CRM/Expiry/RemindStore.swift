internal import Postgres

/// Which customers have their last day, and who has been told.
enum RemindStore {
    /// An event, and of how many customers it tells.
    typealias Digest = (event: NewEvent, customers: Int)

    /// `expiring`, one for each owner: what has its last day today, or within `daysAhead` days.
    static func digests(daysAhead: Int, in tx: inout Transaction) throws -> [Digest] {
        // Told ahead, and again on the day itself.
        let told = try told(
            "CASE WHEN due.expired_on = (SELECT paidan.today()) + 1 THEN 'expiring' ELSE 'expiring_ahead' END",
            daysAhead: daysAhead, in: &tx)
        return try tx.query(
            """
            \(told), numbered AS (
                SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY due_on, id) AS place FROM told)
            SELECT user_id, min(distribution), count(*), (SELECT paidan.today()), json_build_object('user_id', user_id,
                'count', count(*), 'first_expiry', min(due_on),
                'today', count(*) FILTER (WHERE due_on = (SELECT paidan.today())),
                'follow', count(*) FILTER (WHERE status = 3), 'deal', count(*) FILTER (WHERE status = 4),
                'customers', \(ExpiryEvents.customers))
            FROM numbered GROUP BY user_id ORDER BY user_id
            """
        ).map { row in
            let user = try row.int(0)
            // With the day of telling: what was told ahead is told again on its last day.
            let event = NewEvent(
                type: "expiring", subject: "user:\(user)",
                dedupeKey: "expiring:\(user):\(try row.text(3)):\(try row.int(1))", payload: try row.utf8(4))
            return (event, try row.int(2))
        }
    }

    /// `escalated`, for the managers: what has its last day today and is not followed up, by seller, with those on leave.
    static func escalation(in tx: inout Transaction) throws -> [Digest] {
        let told = try told("'escalated'", daysAhead: 0, in: &tx)
        return try tx.query(
            """
            \(told), sellers AS (
                SELECT user_id, count(*) AS customers, EXISTS (
                    SELECT FROM paidan.absence a
                    WHERE a.user_id = told.user_id AND paidan.today() BETWEEN a.from_on AND a.to_on) AS is_away
                FROM told GROUP BY user_id
            ), named AS (
                SELECT s.*, u.name, row_number() OVER (ORDER BY s.customers DESC, s.user_id) AS place
                FROM sellers s JOIN crm_userinfo u ON u.id = s.user_id
            )
            SELECT min(t.distribution), count(*), min(t.due_on), json_build_object('count', count(*),
                'follow', count(*) FILTER (WHERE t.status = 3), 'deal', count(*) FILTER (WHERE t.status = 4),
                'seller_count', (SELECT count(*) FROM named), 'sellers', (
                    SELECT json_agg(json_build_object('id', user_id, 'name', name, 'count', customers,
                        'is_away', is_away) ORDER BY place) FROM named WHERE place <= \(ExpiryEvents.named)::int))
            FROM told t HAVING count(*) > 0
            """
        ).map { row in
            let event = NewEvent(
                type: "escalated", subject: "pool",
                dedupeKey: "escalated:\(try row.text(2)):\(try row.int(0))", payload: try row.utf8(3))
            return (event, try row.int(1))
        }
    }

    /// Common table expressions, the last of them `told`: what is due and was not told of, noted as told.
    private static func told(_ kind: SQL, daysAhead: Int, in tx: inout Transaction) throws -> SQL {
        let day = try ExpiryDay.read("paidan.today() + 1 + \(daysAhead)::int", in: &tx)
        return """
            WITH \(ExpirySQL.judged(ExpirySQL.candidates(ExpirySQL.dates, on: day))),
            soon AS MATERIALIZED (
                SELECT d.id AS distribution, d.user_id, c.id, c.name, c.qq, due.status, due.expired_on - 1 AS due_on,
                    \(kind) AS kind
                FROM due JOIN crm_customerdistribution d ON d.customer_id = due.id AND d.status = 1
                JOIN crm_customer c ON c.id = due.id
                WHERE due.expired_on > (SELECT paidan.today()) AND due.expired_on <= \(day.asOf)::date),
            noted AS (
                INSERT INTO paidan.reminder (distribution_id, kind, due_on)
                SELECT distribution, kind, due_on FROM soon
                ON CONFLICT DO NOTHING RETURNING distribution_id),
            told AS (SELECT soon.* FROM soon JOIN noted ON noted.distribution_id = soon.distribution)
            """
    }
}
