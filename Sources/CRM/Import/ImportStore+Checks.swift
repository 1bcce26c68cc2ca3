internal import Postgres

extension ImportStore {
    /// What can be judged only when all rows are read: referrals, then QQs twice in the file.
    ///
    /// - Returns: the checkpoint after it; rows may be stored from there on.
    func checkTogether(_ state: ImportState) async throws -> ImportCheckpoint {
        let next = state.checkpoint.next {
            $0.stage = .storing
            $0.row = 0
        }
        // Fresh statistics: the planner would take the rows just copied for a handful. Not within the transaction, which
        // would hold its lock against other imports.
        if state.checkpoint.row > 20_000 {
            _ = try await pool.query("ANALYZE paidan.import_row", deadline: .seconds(300))
        }
        try await pool.transaction(deadline: .seconds(1800)) { tx in
            try Self.begin(state, in: &tx)
            _ = try tx.query("SET LOCAL work_mem = '64MB'")
            let lost = state.checkpoint.uses.referrals ? try Self.refuseReferrals(state.id, in: &tx) : 0
            let doubled = try Self.markDoubles(state, in: &tx)
            let asErrors = state.policy == .error
            try Self.advance(
                state, to: next, phase: "storing",
                """
                rows_error = rows_error + \(lost + (asErrors ? doubled : 0)),
                rows_duplicate = rows_duplicate + \(asErrors ? 0 : doubled)
                """, in: &tx)
        }
        return next
    }

    private static func refuseReferrals(_ importID: Int, in tx: inout Transaction) throws -> Int {
        let rows = try tx.query(
            """
            WITH loose AS MATERIALIZED (
                SELECT r.row, r.qq, r.referral_qq FROM paidan.import_row r
                WHERE r.import_id = \(importID) AND r.state = 'ok' AND r.referral_qq IS NOT NULL
                    AND NOT EXISTS (SELECT FROM crm_customer c WHERE c.qq = r.referral_qq)
            ), sure AS MATERIALIZED (
                SELECT DISTINCT s.qq FROM paidan.import_row s
                WHERE s.import_id = \(importID) AND s.state = 'ok' AND s.qq IN (SELECT referral_qq FROM loose)
                    AND s.row NOT IN (SELECT row FROM loose)
            )
            SELECT row, qq, referral_qq, referral_qq IN (SELECT qq FROM sure) FROM loose ORDER BY row
            """)
        let loose = try rows.map {
            ReferralRules.Row(
                number: try $0.int(0), qq: try $0.text(1), referral: try $0.text(2), isSure: try $0.bool(3))
        }
        let invalid = ReferralRules.invalid(loose)
        let issue = RowIssue.json([RowIssue(.referral, .referral, "找不到这位推荐人：库中没有，文件中也没有有效的一行")])
        for start in stride(from: 0, to: invalid.count, by: 20_000) {
            let numbers = Array(invalid[start..<min(start + 20_000, invalid.count)])
            _ = try tx.query(
                """
                UPDATE paidan.import_row
                SET state = 'error', customer_id = NULL, errors = \(json: issue)::jsonb || coalesce(errors, '[]')
                WHERE import_id = \(importID) AND row = ANY (\(numbers)::int[])
                """)
        }
        return invalid.count
    }

    private static func markDoubles(_ state: ImportState, in tx: inout Transaction) throws -> Int {
        // In byte order: sorting by a language's rules costs several times as much and finds the same.
        try tx.query(
            """
            UPDATE paidan.import_row r
            SET state = \(state.policy == .error ? "error" : "duplicate"), customer_id = NULL,
                errors = jsonb_build_array(jsonb_build_object('code', 'D_IN_FILE', 'field', 'qq',
                    'message', '与第 ' || d.first || ' 行的QQ号重复', 'ref', d.first)) || coalesce(r.errors, '[]')
            FROM (
                SELECT row, min(row) OVER (PARTITION BY qq COLLATE "C") AS first FROM paidan.import_row
                WHERE import_id = \(state.id) AND state = 'ok'
            ) d
            WHERE d.row <> d.first AND r.import_id = \(state.id) AND r.row = d.row
            """
        ).affected
    }
}
