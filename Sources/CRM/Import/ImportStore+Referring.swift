internal import Postgres

/// Says who would get customers if they came now, without giving them to anybody.
public protocol AssignmentForecast: Sendable {
    /// - Returns: a seller for each of `count` customers in their order; nil where nobody could take one.
    func sellers(for count: Int) async throws -> [Int?]
}

extension ImportStore {
    /// Sets the referrals that pointed to later rows, for the next rows that have one.
    ///
    /// - Returns: the checkpoint after it; nil if there are none left.
    func referChunk(_ state: ImportState) async throws -> ImportCheckpoint? {
        guard state.checkpoint.uses.referrals else { return nil }
        let size = settings.chunkRows
        return try await pool.transaction(deadline: .seconds(300)) { tx in
            try Self.begin(state, in: &tx)
            let last = try tx.query(
                """
                SELECT max(row) FROM (
                    SELECT row FROM paidan.import_row
                    WHERE import_id = \(state.id) AND row > \(state.checkpoint.row) AND referral_qq IS NOT NULL
                        AND state = 'ok'
                    ORDER BY row LIMIT \(size)) p
                """)[0].optionalInt(0)
            guard let last else { return nil }
            // The mark tells the undo that this change of the customer was the import's own.
            _ = try tx.query(
                """
                WITH referred AS (
                    UPDATE crm_customer c SET referral_from_id = f.id
                    FROM paidan.import_row r JOIN crm_customer f ON f.qq = r.referral_qq
                    WHERE r.import_id = \(state.id) AND r.row > \(state.checkpoint.row) AND r.row <= \(last)
                        AND r.referral_qq IS NOT NULL AND r.state = 'ok' AND c.id = r.customer_id
                        AND c.referral_from_id IS NULL AND f.id <> c.id
                    RETURNING r.row
                )
                UPDATE paidan.import_row SET referred = true
                WHERE import_id = \(state.id) AND row IN (SELECT row FROM referred)
                """)
            let next = state.checkpoint.next { $0.row = last }
            try Self.advance(state, to: next, phase: "storing", "cancel_requested = cancel_requested", in: &tx)
            return next
        }
    }

    /// How many rows of a dry run wait for a seller.
    func forecastSize(_ state: ImportState) async throws -> Int {
        try await pool.query(
            "SELECT count(*) FROM paidan.import_row r WHERE r.import_id = \(state.id) AND \(Self.waiting)"
        )[0].int(0)
    }

    /// Rows that an assignment would be made for.
    private static var waiting: SQL { "r.state = 'ok' AND r.consultant_id IS NULL AND r.status IS DISTINCT FROM 1" }

    /// Notes who would get the next rows of a dry run.
    ///
    /// - Returns: the checkpoint after them; nil if there are none left.
    func forecastChunk(_ state: ImportState, _ sellers: [Int?]) async throws -> ImportCheckpoint? {
        let size = settings.chunkRows
        return try await pool.transaction(deadline: .seconds(300)) { tx in
            try Self.begin(state, in: &tx)
            let done = try tx.query(
                """
                SELECT count(*) FROM paidan.import_row r
                WHERE r.import_id = \(state.id) AND r.row <= \(state.checkpoint.row) AND \(Self.waiting)
                """)[0].int(0)
            let numbers = try tx.query(
                """
                SELECT r.row FROM paidan.import_row r
                WHERE r.import_id = \(state.id) AND r.row > \(state.checkpoint.row) AND \(Self.waiting)
                ORDER BY r.row LIMIT \(size)
                """
            ).map { try $0.int(0) }
            guard let last = numbers.last else { return nil }
            let users = numbers.indices.map { done + $0 < sellers.count ? sellers[done + $0] : nil }
            _ = try tx.query(
                """
                UPDATE paidan.import_row r SET predicted_user_id = p.seller
                FROM unnest(\(numbers)::int[], \(users)::bigint[]) AS p (row, seller)
                WHERE r.import_id = \(state.id) AND r.row = p.row
                """)
            let next = state.checkpoint.next { $0.row = last }
            try Self.advance(state, to: next, phase: "assigning", "cancel_requested = cancel_requested", in: &tx)
            return next
        }
    }
}
