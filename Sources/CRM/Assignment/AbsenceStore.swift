internal import Postgres

public enum AbsenceAdded: Sendable, Equatable {
    case added(id: Int)
    /// There is no such user: 422 at `/user_id`.
    case unknownUser
    /// `to` lies before `from`: 422 at `/to`.
    case backwards
}

/// Days on which a seller takes no customers.
enum AbsenceStore {
    static func add(
        user: Int, from: String, to: String, actor: String, in tx: inout Transaction
    ) throws -> AbsenceAdded {
        Author.set(actor, in: &tx)
        let known = try tx.query("SELECT \(from)::date <= \(to)::date FROM crm_userinfo WHERE id = \(user)::bigint")
        guard let row = known.first else { return .unknownUser }
        guard try row.bool(0) else { return .backwards }
        let rows = try tx.query(
            """
            INSERT INTO paidan.absence (user_id, from_on, to_on)
            VALUES (\(user)::bigint, \(from)::date, \(to)::date) RETURNING id
            """)
        guard let id = try rows.first?.int(0) else { throw AssignmentError.noRow }
        _ = try tx.query(
            """
            INSERT INTO paidan.audit_log (action, entity, entity_id, after)
            VALUES ('absence.add', 'crm_userinfo', \(String(user)),
                jsonb_build_object('from', \(from)::text, 'to', \(to)::text))
            """)
        try WaitingCustomers.enqueue(in: &tx)
        return .added(id: id)
    }
}
