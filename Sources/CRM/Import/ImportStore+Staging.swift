internal import Postgres
internal import Spreadsheet

extension ImportStore {
    /// One piece of the uploaded file; nil after the last.
    func piece(_ importID: Int, seq: Int) async throws(PostgresError) -> [UInt8]? {
        try await pool.query("SELECT bytes FROM paidan.import_file WHERE import_id = \(importID) AND seq = \(seq)")
            .first?.bytes(0)
    }

    /// Courses and people that cells are matched with.
    func lists() async throws -> ImportLists {
        let courses = try await pool.query("SELECT id, name FROM crm_course ORDER BY id")
        let people = try await pool.query(
            "SELECT id, username, name, is_active AND depart_id = 1001 FROM crm_userinfo ORDER BY id")
        return ImportLists(
            courses: try courses.map { (id: try $0.int(0), name: try $0.text(1)) },
            people: try people.map {
                ImportLists.Person(
                    id: try $0.int(0), username: try $0.text(1), name: try $0.text(2), mayReceive: try $0.bool(3))
            })
    }

    /// Notes what the file is and which columns it has.
    func saveHeader(_ importID: Int, _ header: SheetHeader, _ format: SheetFormat) async throws(PostgresError) {
        let (name, encoding, delimiter): (String, String?, String?) =
            switch format {
            case .csv(let encoding, let delimiter): ("csv", encoding.rawValue, delimiter.rawValue)
            case .xlsx: ("xlsx", nil, nil)
            }
        let warnings = header.unknown.map { title in
            RowIssue(.unknownColumn, nil, "没有“\(String(title.prefix(64)))”这一列的对应字段，已忽略")
        }
        _ = try await pool.query(
            """
            UPDATE paidan.import_batch
            SET format = \(name), encoding = \(encoding), delimiter = \(delimiter),
                header = to_jsonb(\(header.titles)::text[]), warnings = \(json: RowIssue.json(warnings))
            WHERE id = \(importID) AND state = 'running'
            """)
    }

    /// Ids for customers to come, ascending: rows know theirs before they are stored, so no row is written twice.
    func reserveCustomerIDs(_ count: Int) async throws -> [Int] {
        let rows = try await pool.query(
            """
            SELECT nextval(s.name) FROM (SELECT pg_get_serial_sequence('crm_customer', 'id')::regclass AS name) s,
                generate_series(1, \(count)::int)
            """)
        return try rows.map { try $0.int(0) }
    }

    /// Copies checked rows into the staging table.
    ///
    /// - Returns: the checkpoint after them.
    func stage(_ rows: StagedRows, _ state: ImportState) async throws -> ImportCheckpoint {
        let next = state.checkpoint.next {
            $0.row = rows.lastRow
            $0.uses.add(rows.uses)
        }
        try await pool.transaction(deadline: .seconds(300)) { tx in
            try Self.begin(state, in: &tx)
            _ = try tx.copyIn("COPY paidan.import_row (\(StagedRows.columns)) FROM STDIN") { writer in
                writer.lines(rows.lines)
            }
            try Self.advance(
                state, to: next, phase: "reading",
                """
                rows_read = rows_read + \(rows.rows), rows_error = rows_error + \(rows.errors),
                rows_skipped = rows_skipped + \(rows.skipped)
                """, in: &tx)
        }
        return next
    }
}
