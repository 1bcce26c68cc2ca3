import Postgres

@testable import CRM

extension YearWorld {
    /// Rows that break each invariant.
    func violations() async throws -> [(name: String, count: Int)] {
        var found: [(name: String, count: Int)] = []
        for invariant in Invariants.all {
            let count = try await pool.query("SELECT count(*) FROM (\(invariant.violations)) broken")[0].int(0)
            found.append((invariant.name, count))
        }
        return found
    }

    /// Rows of the service whose end is not the day that the notes of their owner give: told from the notes alone, by
    /// days, without any of the service's functions. Protected customers are left out.
    ///
    /// A row that ended by a day must have had a note at least every third day until its last gap, which is 4 days long,
    /// or end 16 days after it began; another must not have outlived such a day, an open one not after a sweep.
    ///
    /// - Parameter isSwept: today's sweep has run.
    func wrongEnds(isSwept: Bool) async throws -> [String] {
        try await pool.query(
            """
            WITH marks AS (
                SELECT d.id, d.ctime AS at FROM crm_customerdistribution d
                UNION SELECT d.id, n.date FROM crm_customerdistribution d
                JOIN crm_consultrecord n ON n.customer_id = d.customer_id AND n.consultant_id = d.user_id
                    AND n.date >= d.ctime
                    AND (n.date < d.ended_on OR d.status NOT IN (3, 4) AND n.date <= coalesce(d.ended_on, n.date))
            ), gaps AS (
                SELECT id, at, lead(at) OVER (PARTITION BY id ORDER BY at) - at AS gap FROM marks
            ), told AS (
                SELECT d.id, d.status, d.ctime, coalesce(d.ended_on, paidan.today()) AS ended_on, max(g.at) AS last,
                    coalesce(max(g.gap), 0) AS widest
                FROM crm_customerdistribution d JOIN gaps g ON g.id = d.id
                WHERE d.origin <> 'crm' AND d.status <> 2
                    AND NOT EXISTS (SELECT FROM paidan.audit_log a WHERE a.action = 'customer.protect'
                        AND a.entity_id = d.customer_id::text)
                GROUP BY d.id
            )
            SELECT format('distribution %s, status %s, from %s to %s, last note %s, widest gap %s',
                id, status, ctime, ended_on, last, widest)
            FROM told WHERE widest > 3 OR CASE
                WHEN status = 1 AND NOT \(isSwept)::bool THEN false
                WHEN status IN (3, 4) THEN ended_on <> least(last + 4, ctime + 16)
                    OR status <> CASE WHEN ctime + 16 <= last + 4 THEN 4 ELSE 3 END
                ELSE ended_on >= least(last + 4, ctime + 16) END
            ORDER BY id LIMIT 10
            """
        ).map { try $0.text(0) }
    }
}
