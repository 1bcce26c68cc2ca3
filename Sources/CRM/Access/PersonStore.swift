internal import Postgres

/// Rows of `crm_userinfo` for accounts that have none.
enum PersonStore {
    /// The person behind an account, made on first need: the CRM wants an author for each note.
    ///
    /// He belongs to no department of sellers, so he can have no customers.
    static func person(of caller: Caller, in tx: inout Transaction) throws -> Int {
        let account = Int(caller.userID)
        let known = try tx.query("SELECT id FROM crm_userinfo WHERE auth_id = \(account)::bigint")
        if let row = known.first { return try row.int(0) }
        let made = try tx.query(
            """
            INSERT INTO crm_userinfo (auth_id, name, username, depart_id)
            VALUES (\(account)::bigint, left(\(caller.name)::text, 16), left(\(caller.name)::text, 32),
                \(try department(in: &tx))::int)
            ON CONFLICT (auth_id) DO NOTHING RETURNING id
            """)
        if let row = made.first {
            let id = try row.int(0)
            _ = try tx.query(
                """
                INSERT INTO paidan.audit_log (action, entity, entity_id, after)
                VALUES ('user.person', 'crm_userinfo', \(String(id)), jsonb_build_object('auth_id', \(account)::bigint))
                """)
            return id
        }
        // Another request has just made him.
        return try tx.query("SELECT id FROM crm_userinfo WHERE auth_id = \(account)::bigint")[0].int(0)
    }

    /// The code of the first department that does not sell.
    private static func department(in tx: inout Transaction) throws -> Int {
        let known = try tx.query("SELECT min(code) FROM crm_department WHERE code <> 1001")
        if let code = try known.first?.optionalInt(0) { return code }
        return try tx.query("INSERT INTO crm_department (title, code) VALUES ('市场部', 1000) RETURNING code")[0].int(0)
    }
}
