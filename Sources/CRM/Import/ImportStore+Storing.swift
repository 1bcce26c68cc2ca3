internal import JobsPostgres
internal import Postgres

extension ImportStore {
    /// Stores the next chunk of rows, with the job that assigns its pending customers.
    ///
    /// - Returns: the checkpoint after it.
    func storeChunk(_ state: ImportState) async throws -> ImportCheckpoint {
        let size = settings.chunkRows
        return try await pool.transaction(deadline: .seconds(300)) { tx in
            try Self.begin(state, in: &tx)
            let range = try tx.query(
                """
                SELECT max(row), min(row) FROM (
                    SELECT row FROM paidan.import_row
                    WHERE import_id = \(state.id) AND row > \(state.checkpoint.row) ORDER BY row LIMIT \(size)) p
                """)
            guard let last = try range[0].optionalInt(0) else {
                let next = state.checkpoint.next {
                    $0.stage = .referring
                    $0.row = 0
                }
                try Self.advance(state, to: next, phase: "storing", "cancel_requested = cancel_requested", in: &tx)
                return next
            }
            let chunk = Chunk(state: state, first: try range[0].int(1), last: last)
            var counts = state.isDryRun ? try chunk.compare(in: &tx) : try chunk.store(in: &tx)
            let next = state.checkpoint.next {
                $0.row = last
                $0.chunks += 1
            }
            if state.policy == .error { swap(&counts.duplicates, &counts.errors) }
            try Self.advance(
                state, to: next, phase: "storing",
                """
                rows_ok = rows_ok + \(counts.stored), rows_duplicate = rows_duplicate + \(counts.duplicates),
                rows_error = rows_error + \(counts.errors)
                """, in: &tx)
            return next
        }
    }
}

/// What became of the rows of one chunk that were valid until then.
struct ChunkCounts: Sendable {
    var stored = 0
    var duplicates = 0
    var errors = 0
}

/// The rows that one transaction stores.
private struct Chunk {
    let state: ImportState
    let first: Int
    let last: Int

    /// The chunk's rows of `paidan.import_row r`.
    private var rows: SQL { "r.import_id = \(state.id) AND r.row BETWEEN \(first) AND \(last)" }

    func store(in tx: inout Transaction) throws -> ChunkCounts {
        var pending: [Int] = []
        var known: [Int] = []
        var stored = 0
        for row in try insertCustomers(in: &tx) {
            switch try row.int(2) {
            case 0: known.append(try row.int(0))
            case 1:
                stored += 1
                pending.append(try row.int(1))
            default: stored += 1
            }
        }
        try mark(known, in: &tx)
        try insertAround(in: &tx)
        if state.policy == .fillBlank, !known.isEmpty { try fillBlanks(known, in: &tx) }
        try insertChunk(pending, in: &tx)
        return ChunkCounts(stored: stored, duplicates: known.count)
    }

    /// Inserts the chunk's valid rows.
    ///
    /// - Returns: row, customer id and 0 (the QQ exists), 1 (now pending) or 2 (now private or closed), in file order.
    private func insertCustomers(in tx: inout Transaction) throws -> Rows {
        let referrer: SQL =
            state.checkpoint.uses.referrals ? "(SELECT f.id FROM crm_customer f WHERE f.qq = r.referral_qq)" : "NULL"
        return try tx.query(
            """
            WITH stored AS (
                INSERT INTO crm_customer (id, qq, name, gender, education, graduation_school, major, experience,
                    work_status, company, salary, source, referral_from_id, status, consultant_id, recv_date, date,
                    last_consult_date, import_id)
                OVERRIDING SYSTEM VALUE
                SELECT r.customer_id, r.qq, r.name, r.gender, r.education, r.graduation_school, r.major, r.experience,
                    coalesce(r.work_status, 1), r.company, r.salary, coalesce(r.source, 1), \(referrer),
                    coalesce(r.status, 2), r.consultant_id, CASE WHEN r.consultant_id IS NOT NULL THEN t.today END,
                    coalesce(r.date, t.today), t.today, r.import_id
                FROM paidan.import_row r, (SELECT paidan.today() AS today OFFSET 0) t
                WHERE \(rows) AND r.state = 'ok' ORDER BY r.row
                ON CONFLICT (qq) DO NOTHING
                RETURNING id, pool_state
            )
            SELECT r.row, r.customer_id, CASE WHEN s.id IS NULL THEN 0 WHEN s.pool_state = 'pending' THEN 1 ELSE 2 END
            FROM paidan.import_row r LEFT JOIN stored s ON s.id = r.customer_id
            WHERE \(rows) AND r.state = 'ok' ORDER BY r.row
            """)
    }

    /// Marks rows whose QQ a customer has, with that customer's state as of today.
    private func mark(_ known: [Int], in tx: inout Transaction) throws {
        guard !known.isEmpty else { return }
        let marked = try tx.query(
            """
            UPDATE paidan.import_row r
            SET state = \(state.policy == .error ? "error" : "duplicate"), customer_id = c.id,
                errors = jsonb_build_array(jsonb_build_object('code', 'D_EXISTS', 'field', 'qq',
                    'message', 'QQ号已存在（' || CASE c.state WHEN 'private' THEN '私有' WHEN 'public' THEN '公海'
                        WHEN 'closed' THEN '已报名' ELSE '待分配' END || '）', 'ref', c.state)) || coalesce(r.errors, '[]')
            FROM (
                SELECT x.id, x.qq, \(CustomerSQL.state("x")) AS state FROM crm_customer x WHERE x.qq IN (
                    SELECT qq FROM paidan.import_row WHERE import_id = \(state.id) AND row = ANY (\(known)::int[]))
            ) c
            WHERE r.import_id = \(state.id) AND r.row = ANY (\(known)::int[]) AND c.qq = r.qq
            """)
        // One of them was deleted between the two statements: the whole chunk is tried again.
        guard marked.affected == known.count else {
            throw PostgresError(
                code: .server, sqlState: "40001", message: "a customer of this chunk was deleted meanwhile")
        }
    }

    /// Courses, remarks and distributions of the customers just stored.
    private func insertAround(in tx: inout Transaction) throws {
        let uses = state.checkpoint.uses
        if uses.courses {
            _ = try tx.query(
                """
                INSERT INTO crm_customer_course (customer_id, course_id)
                SELECT r.customer_id, unnest(r.courses) FROM paidan.import_row r
                WHERE \(rows) AND r.state = 'ok' AND r.courses IS NOT NULL ORDER BY r.row
                """)
        }
        if uses.memos {
            _ = try tx.query(
                """
                INSERT INTO paidan.customer_remark (customer_id, import_id, note)
                SELECT r.customer_id, r.import_id, r.memo FROM paidan.import_row r
                WHERE \(rows) AND r.state = 'ok' AND r.memo IS NOT NULL ORDER BY r.row
                """)
        }
        if uses.consultants {
            _ = try tx.query(
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
                SELECT r.consultant_id, r.customer_id, t.today, CASE WHEN r.status = 1 THEN 2 ELSE 1 END, 'import',
                    CASE WHEN r.status = 1 THEN t.today END
                FROM paidan.import_row r, (SELECT paidan.today() AS today OFFSET 0) t
                WHERE \(rows) AND r.state = 'ok' AND r.consultant_id IS NOT NULL ORDER BY r.row
                """)
            try handOn(in: &tx)
        }
    }

    /// A seller named in the sheet may have left since it was read: his customers go on to others.
    private func handOn(in tx: inout Transaction) throws {
        let left = try tx.query(
            """
            SELECT id, is_active AND depart_id = 1001 FROM crm_userinfo WHERE id IN (
                SELECT consultant_id FROM paidan.import_row r
                WHERE \(rows) AND r.state = 'ok' AND r.status IS DISTINCT FROM 1)
            ORDER BY id FOR SHARE
            """
        ).filter { try !$0.bool(1) }
        try Outbox.append(
            try left.map { person in
                OutboxJob(kind: OffboardJob.kind, args: Array("{\"user_id\":\(try person.int(0))}".utf8))
            }, in: &tx)
    }

    /// Policy `fill_blank`: what the customer has not and the row has. Owner, status and dates stay.
    private func fillBlanks(_ known: [Int], in tx: inout Transaction) throws {
        let ours: SQL = "r.import_id = \(state.id) AND r.row = ANY (\(known)::int[])"
        _ = try tx.query(
            """
            WITH wanted AS (
                SELECT r.*, f.id AS referrer FROM paidan.import_row r LEFT JOIN crm_customer f ON f.qq = r.referral_qq
                WHERE \(ours)
            ), blank AS (
                SELECT c.id, w.row FROM crm_customer c JOIN wanted w ON w.customer_id = c.id
                WHERE (c.gender IS NULL AND w.gender IS NOT NULL) OR (c.education IS NULL AND w.education IS NOT NULL)
                    OR (coalesce(c.graduation_school, '') = '' AND w.graduation_school IS NOT NULL)
                    OR (coalesce(c.major, '') = '' AND w.major IS NOT NULL)
                    OR (c.experience IS NULL AND w.experience IS NOT NULL)
                    OR (c.work_status IS NULL AND w.work_status IS NOT NULL)
                    OR (coalesce(c.company, '') = '' AND w.company IS NOT NULL)
                    OR (coalesce(c.salary, '') = '' AND w.salary IS NOT NULL)
                    OR (c.referral_from_id IS NULL AND w.referrer IS NOT NULL AND w.referrer <> c.id)
                ORDER BY c.id FOR NO KEY UPDATE OF c
            )
            UPDATE crm_customer c
            SET gender = coalesce(c.gender, w.gender), education = coalesce(c.education, w.education),
                graduation_school = coalesce(nullif(c.graduation_school, ''), w.graduation_school),
                major = coalesce(nullif(c.major, ''), w.major), experience = coalesce(c.experience, w.experience),
                work_status = coalesce(c.work_status, w.work_status),
                company = coalesce(nullif(c.company, ''), w.company), salary = coalesce(nullif(c.salary, ''), w.salary),
                referral_from_id = coalesce(c.referral_from_id, nullif(w.referrer, c.id)), version = c.version + 1
            FROM wanted w JOIN blank b ON b.row = w.row
            WHERE c.id = b.id
            """)
        if state.checkpoint.uses.courses {
            _ = try tx.query(
                """
                INSERT INTO crm_customer_course (customer_id, course_id)
                SELECT r.customer_id, unnest(r.courses) FROM paidan.import_row r
                WHERE \(ours) AND r.courses IS NOT NULL
                    AND NOT EXISTS (SELECT FROM crm_customer_course k WHERE k.customer_id = r.customer_id)
                ON CONFLICT DO NOTHING
                """)
        }
        if state.checkpoint.uses.memos {
            _ = try tx.query(
                """
                INSERT INTO paidan.customer_remark (customer_id, import_id, note)
                SELECT r.customer_id, r.import_id, r.memo FROM paidan.import_row r
                WHERE \(ours) AND r.memo IS NOT NULL ORDER BY r.row
                """)
        }
    }

    /// The chunk's own row, and the job that assigns its customers in file order.
    private func insertChunk(_ pending: [Int], in tx: inout Transaction) throws {
        let number = state.checkpoint.chunks + 1
        var job: String?
        if !pending.isEmpty {
            let assign = ImportJob.assign(pending, importID: state.id, chunk: number)
            job = try Outbox.append([assign], in: &tx)[0]
        }
        _ = try tx.query(
            """
            INSERT INTO paidan.import_chunk (import_id, chunk, first_row, last_row, stored_at, assign_job_id, assigned_at)
            VALUES (\(state.id), \(number), \(first), \(last), paidan.now(), \(job),
                CASE WHEN \(pending.isEmpty) THEN paidan.now() END)
            """)
    }

    /// Dry run: marks known QQs, and rows that name their seller.
    func compare(in tx: inout Transaction) throws -> ChunkCounts {
        let known = try tx.query(
            """
            SELECT r.row FROM paidan.import_row r JOIN crm_customer c ON c.qq = r.qq
            WHERE \(rows) AND r.state = 'ok' ORDER BY r.row
            """
        ).map { try $0.int(0) }
        try mark(known, in: &tx)
        let valid = try tx.query("SELECT count(*) FROM paidan.import_row r WHERE \(rows) AND r.state = 'ok'")[0].int(0)
        _ = try tx.query(
            """
            UPDATE paidan.import_row r SET predicted_user_id = r.consultant_id
            WHERE \(rows) AND r.state = 'ok' AND r.consultant_id IS NOT NULL
            """)
        return ChunkCounts(stored: valid, duplicates: known.count)
    }
}
