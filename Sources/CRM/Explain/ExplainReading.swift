internal import Postgres

/// The queries of one customer's story, each by an index.
struct ExplainReading: Sendable {
    let customer: Int
    /// IANA name of the zone whose days are business days.
    let zone: String

    /// Milliseconds since 1970 of a `timestamptz`.
    private func moment(_ column: String) -> SQL { "floor(extract(epoch FROM \(raw: column)) * 1000)::bigint" }

    /// Milliseconds since 1970 at which a `date` begins.
    private func begin(_ column: String) -> SQL {
        "floor(extract(epoch FROM \(raw: column)::timestamp AT TIME ZONE \(zone)) * 1000)::bigint"
    }

    /// Of two columns, text and beginning.
    private func day(_ row: Row, _ column: Int) throws -> ExplainFacts.Day? {
        guard let text = row.optionalText(column) else { return nil }
        return ExplainFacts.Day(text: text, begin: try row.int(column + 1))
    }

    private func wholeDay(_ row: Row, _ column: Int) throws -> ExplainFacts.Day {
        ExplainFacts.Day(text: try row.text(column), begin: try row.int(column + 1))
    }

    func customer(in tx: inout Transaction) throws -> ExplainFacts.Customer? {
        let rows = try tx.query(
            """
            SELECT CASE WHEN e.is_over THEN 'public' ELSE c.pool_state END, c.consultant_id, e.is_over,
                e.expires, \(begin("e.expires")), paidan.expiry_status(c.recv_date, c.last_consult_date),
                paidan.last_day(c.last_consult_date, paidan.setting('follow_up_days', '3')::int),
                paidan.last_day(c.recv_date, paidan.setting('deal_days', '15')::int), c.protected_until,
                c.pool_since, \(begin("c.pool_since")), c.date, \(begin("c.date")), \(moment("paidan.now()")),
                paidan.today()
            FROM crm_customer c CROSS JOIN LATERAL (
                SELECT x.expires, coalesce(x.expires <= paidan.today(), false) AS is_over FROM (
                    SELECT CASE WHEN c.pool_state = 'private' THEN \(CustomerSQL.expires("c")) END AS expires) x) e
            WHERE c.id = \(customer)::bigint
            """)
        guard let row = rows.first else { return nil }
        var lost: (ExplainFacts.Day, Int)?
        if try row.bool(2), let day = try day(row, 3) { lost = (day, try row.int(5)) }
        return ExplainFacts.Customer(
            id: customer, state: try row.text(0), consultant: try row.optionalInt(1), lost: lost,
            followDue: row.optionalText(6), dealDue: row.optionalText(7), expires: row.optionalText(3),
            protectedUntil: row.optionalText(8), poolSince: try day(row, 9), entered: try wholeDay(row, 11),
            now: try row.int(13), today: try row.text(14))
    }

    func imported(in tx: inout Transaction) throws -> ExplainFacts.Import? {
        let rows = try tx.query(
            """
            SELECT b.id, r.row, b.uploaded_by, u.id, \(moment("b.created_at")), k.chunk, \(moment("k.stored_at")),
                k.assigned_at IS NOT NULL
            FROM crm_customer c JOIN paidan.import_batch b ON b.id = c.import_id
            LEFT JOIN crm_userinfo u ON u.auth_id = b.uploaded_by
            LEFT JOIN LATERAL (
                SELECT row FROM paidan.import_row
                WHERE import_id = b.id AND customer_id = c.id AND state = 'ok' LIMIT 1) r ON true
            LEFT JOIN paidan.import_chunk k ON k.import_id = b.id AND r.row BETWEEN k.first_row AND k.last_row
            WHERE c.id = \(customer)::bigint
            """)
        guard let row = rows.first else { return nil }
        return ExplainFacts.Import(
            id: try row.int(0), row: try row.optionalInt(1), uploader: try row.optionalInt(2),
            uploadingSeller: try row.optionalInt(3), uploadedAt: try row.int(4), chunk: try row.optionalInt(5),
            storedAt: try row.optionalInt(6), isAssigned: try row.bool(7))
    }

    func distributions(in tx: inout Transaction) throws -> [ExplainFacts.Distribution] {
        try tx.query(
            """
            SELECT d.id, d.user_id, d.origin, d.status, d.ctime, \(begin("d.ctime")), d.ended_on, \(begin("d.ended_on")),
                d.memo, s.cycle_no, s.pos, y.strategy, \(moment("s.at")), d.why, \(moment("d.archived_at"))
            FROM (
                SELECT id, user_id, origin, status, ctime, ended_on, memo::text, NULL AS why,
                    NULL::timestamptz AS archived_at
                FROM crm_customerdistribution WHERE customer_id = \(customer)::bigint
                UNION ALL
                SELECT a.id, a.user_id, a.origin, a.status, a.ctime, a.ended_on, a.memo, a.why, a.archived_at
                FROM paidan.distribution_archive a
                WHERE a.customer_id = \(customer)::bigint) d
            LEFT JOIN paidan.assign_slot s ON s.distribution_id = d.id
            LEFT JOIN paidan.assign_cycle y ON y.cycle_no = s.cycle_no
            ORDER BY d.id
            """
        ).map { row in
            var slot: ExplainFacts.Slot?
            if let cycle = try row.optionalInt(9) {
                slot = ExplainFacts.Slot(
                    cycle: cycle, position: try row.int(10), strategy: row.optionalText(11) ?? "",
                    at: try row.optionalInt(12))
            }
            var archived: (Int, String)?
            if let why = row.optionalText(13) { archived = (try row.int(14), why) }
            return ExplainFacts.Distribution(
                id: try row.int(0), user: try row.int(1), origin: try row.text(2), status: try row.int(3),
                began: try wholeDay(row, 4), ended: try day(row, 6), memo: row.optionalText(8), slot: slot,
                archived: archived)
        }
    }

    func notes(in tx: inout Transaction) throws -> [ExplainFacts.Note] {
        try tx.query(
            """
            SELECT id, consultant_id, date, \(begin("date")), paidan.is_visible(note) FROM crm_consultrecord
            WHERE customer_id = \(customer)::bigint ORDER BY id
            """
        ).map { row in
            ExplainFacts.Note(
                id: try row.int(0), user: try row.int(1), day: try wholeDay(row, 2), isVisible: try row.bool(4))
        }
    }

    func payments(in tx: inout Transaction) throws -> [ExplainFacts.Payment] {
        try tx.query(
            """
            SELECT id, pay_type, consultant_id, \(moment("date")) FROM crm_paymentrecord
            WHERE customer_id = \(customer)::bigint ORDER BY id
            """
        ).map { row in
            ExplainFacts.Payment(
                id: try row.int(0), type: try row.int(1), user: try row.int(2), at: try row.int(3))
        }
    }

    func student(in tx: inout Transaction) throws -> ExplainFacts.Student? {
        try tx.query(
            "SELECT id, date, \(begin("date")) FROM crm_student WHERE customer_id = \(customer)::bigint"
        ).first.map { ExplainFacts.Student(id: try $0.int(0), day: try day($0, 1)) }
    }

    func changes(in tx: inout Transaction) throws -> [ExplainFacts.Change] {
        try tx.query(
            """
            SELECT a.id, \(moment("a.at")), a.actor, u.id, a.action,
                CASE WHEN a.entity = 'crm_customerdistribution' THEN a.entity_id::bigint END,
                CASE WHEN a.is_own THEN (a.before ->> 'consultant_id')::bigint END,
                CASE WHEN a.is_own THEN (a.after ->> 'consultant_id')::bigint END, a.after ->> 'protected_until',
                coalesce((SELECT string_agg(k, ',' ORDER BY k)
                    FROM jsonb_object_keys(CASE WHEN jsonb_typeof(a.after) = 'object' THEN a.after
                        WHEN jsonb_typeof(a.before) = 'object' THEN a.before END) k), ''),
                CASE WHEN a.is_own THEN (a.after ->> 'user_id')::bigint
                    ELSE coalesce(a.after ->> 'consultant_id', a.before ->> 'consultant_id')::bigint END,
                CASE WHEN a.action LIKE 'customer.%' THEN (a.after ->> 'distribution_id')::bigint END,
                CASE WHEN a.action = 'customer.follow_up' THEN (a.after ->> 'note_id')::bigint END,
                CASE WHEN a.action = 'customer.follow_up' THEN (a.after ->> 'clock_moved')::boolean END,
                coalesce(a.is_own AND a.entity = 'crm_customer' AND a.action <> 'customer.expire'
                    AND a.after ->> 'status' = '1', false)
            FROM (
                -- What a page did to a note, a payment, a student or a course stands among the customer's rows too.
                SELECT *, action !~ '^(note|payment|student|course)[.]' AS is_own FROM paidan.audit_log
                WHERE entity = 'crm_customer' AND entity_id = \(String(customer))
                UNION ALL
                SELECT l.*, true FROM crm_customerdistribution d JOIN paidan.audit_log l
                    ON l.entity = 'crm_customerdistribution' AND l.entity_id = d.id::text
                WHERE d.customer_id = \(customer)::bigint) a
            LEFT JOIN crm_userinfo u
                ON u.auth_id = CASE WHEN a.actor ~ '^user:[0-9]{1,18}$' THEN substr(a.actor, 6)::bigint END
            ORDER BY a.id
            """
        ).map { row in
            ExplainFacts.Change(
                id: try row.int(0), at: try row.int(1), actor: try row.text(2), seller: try row.optionalInt(3),
                action: try row.text(4), distribution: try row.optionalInt(5), ownerBefore: try row.optionalInt(6),
                ownerAfter: try row.optionalInt(7), protectedUntil: row.optionalText(8),
                columns: try row.text(9).split(separator: ",").map(String.init), subject: try row.optionalInt(10),
                began: try row.optionalInt(11), note: try row.optionalInt(12), movedClock: try row.optionalBool(13),
                closes: try row.bool(14))
        }
    }

    func rules(of facts: ExplainFacts, in tx: inout Transaction) throws -> ExplainFacts.Rules {
        let former = Set(facts.distributions.filter { $0.archived == nil && $0.status != 1 }.map(\.user)).sorted()
        let row = try tx.query(
            """
            SELECT paidan.setting('follow_up_days', '3')::int, paidan.setting('deal_days', '15')::int,
                paidan.setting('clock', 'natural') = 'workday', paidan.setting('former_owner', 'any_former'),
                paidan.setting('cooldown_days', '0')::int,
                coalesce((SELECT string_agg(u::text, ',') FROM unnest(\(former)::bigint[]) u
                    WHERE paidan.is_barred(\(customer)::bigint, u)), '')
            """)[0]
        var rules = ExplainFacts.Rules(
            followUpDays: try row.int(0), dealDays: try row.int(1), isWorkday: try row.bool(2),
            formerOwner: try row.text(3), cooldownDays: try row.int(4),
            barred: Set(try row.text(5).split(separator: ",").compactMap { Int($0) }))
        if facts.customer.lost != nil {
            rules.barred = try barredAsOfToday(former + [facts.customer.consultant].compactMap(\.self), in: &tx)
        }
        return rules
    }

    /// Of a customer that fell and that no sweep has met: by the pool's own rule.
    private func barredAsOfToday(_ sellers: [Int], in tx: inout Transaction) throws -> Set<Int> {
        let today = try TodaySQL.read(in: &tx)
        var barred: Set<Int> = []
        for seller in sellers {
            let rows = try tx.query(
                "SELECT \(PoolSQL.isBarred("c", seller, today)) FROM crm_customer c WHERE c.id = \(customer)::bigint")
            if try rows.first?.bool(0) ?? false { barred.insert(seller) }
        }
        return barred
    }
}
