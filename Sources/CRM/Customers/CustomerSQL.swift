internal import Postgres

/// How a customer's row reads as of today, as SQL over a table alias.
enum CustomerSQL {
    /// The first day on which it is no longer private; for private customers only.
    static func expires(_ c: String) -> SQL {
        "paidan.expired_on(\(raw: c).recv_date, \(raw: c).last_consult_date, \(raw: c).protected_until)"
    }

    /// `pool_state`, an overdue customer that no sweep has met yet being public.
    static func state(_ c: String) -> SQL {
        """
        CASE WHEN \(raw: c).pool_state = 'private' AND \(expires(c)) <= (SELECT paidan.today()) THEN 'public'
            ELSE \(raw: c).pool_state END
        """
    }

    /// A ``CustomerView`` as JSON, of each row of `from`, which is a fragment that names a table `c` (and filters,
    /// sorts and limits it).
    static func views(from: SQL) -> SQL {
        """
        SELECT json_build_object('id', c.id::text, 'qq', c.qq, 'name', c.name, 'gender', c.gender,
            'education', c.education, 'graduation_school', c.graduation_school, 'major', c.major,
            'experience', c.experience, 'work_status', c.work_status, 'company', c.company, 'salary', c.salary,
            'source', c.source, 'referral_from_id', c.referral_from_id::text, 'status', c.status,
            'consultant_id', CASE WHEN NOT t.is_over THEN c.consultant_id::text END, 'recv_date', c.recv_date,
            'date', c.date, 'last_consult_date', c.last_consult_date,
            'course', (SELECT coalesce(json_agg(k.course_id::text ORDER BY k.course_id), '[]')
                FROM crm_customer_course k WHERE k.customer_id = c.id),
            'pool_state', CASE WHEN t.is_over THEN 'public' ELSE c.pool_state END,
            'pool_since', CASE WHEN t.is_over THEN t.expires ELSE c.pool_since END,
            'protected_until', c.protected_until,
            'follow_due_on', CASE WHEN NOT t.is_over AND c.pool_state = 'private' THEN
                paidan.last_day(c.last_consult_date, paidan.setting('follow_up_days', '3')::int) END,
            'deal_due_on', CASE WHEN NOT t.is_over AND c.pool_state = 'private' THEN
                paidan.last_day(c.recv_date, paidan.setting('deal_days', '15')::int) END,
            'expires_on', CASE WHEN NOT t.is_over THEN t.expires END,
            'import_id', c.import_id::text, 'version', c.version)
        FROM (\(from)) c
        CROSS JOIN LATERAL (SELECT CASE WHEN c.pool_state = 'private' THEN \(expires("c")) END AS expires) e
        CROSS JOIN LATERAL (
            SELECT e.expires, coalesce(e.expires <= (SELECT paidan.today()), false) AS is_over) t
        """
    }
}
