internal import Postgres

/// Who changed what, and how it was before (`paidan.audit_log`), for good. The actor is the one that ``Author`` names.
///
/// Every change by a person, a job or another program has its row; what other programs write is recorded by triggers.
/// Automatic assignment has none, having a record of its own: the slot and the distribution. So has what an import
/// stores: its rows.
enum AuditLog {
    /// What may change of a customer, as a JSON object.
    static func snapshot(customer id: Int, in tx: inout Transaction) throws -> [UInt8] {
        let rows = try tx.query(
            """
            SELECT to_jsonb(c) - '{id,version,external_write_at,import_id}'::text[] FROM crm_customer c
            WHERE id = \(id)::bigint
            """)
        return try rows.first.map { try Array($0.utf8(0)) } ?? Array("{}".utf8)
    }

    /// Records a new customer.
    static func recordNew(customer id: Int, in tx: inout Transaction) throws {
        let columns = try snapshot(customer: id, in: &tx)
        try record(
            "customer.create", "crm_customer", String(id), after: "jsonb_strip_nulls(\(utf8: columns)::jsonb)", in: &tx)
    }

    /// Records a change of anything.
    ///
    /// - Parameters:
    ///   - entity: its table.
    ///   - before: a `jsonb`; NULL for what was not there.
    ///   - after: a `jsonb`; NULL for what is no more.
    static func record(
        _ action: String, _ entity: String, _ id: String?, before: SQL = "NULL", after: SQL = "NULL",
        in tx: inout Transaction
    ) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
            VALUES (\(action), \(entity), \(id), \(before), \(after))
            """)
    }

    /// Records a change of a customer: the columns that differ from `before`, and what else is to be known.
    ///
    /// - Parameters:
    ///   - action: `customer.grab` …
    ///   - before: of ``snapshot(customer:in:)``.
    ///   - details: a JSON object that joins `after`.
    ///   - were: a JSON object that joins `before`.
    static func record(
        _ action: String, customer id: Int, before: [UInt8], details: [UInt8] = Array("{}".utf8),
        were: [UInt8] = Array("{}".utf8), in tx: inout Transaction
    ) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.audit_log (action, entity, entity_id, before, after)
            SELECT \(action), 'crm_customer', \(String(id)),
                coalesce(changed.before, '{}') || \(utf8: were)::jsonb,
                coalesce(changed.after, '{}') || \(utf8: details)::jsonb
            FROM (
                SELECT jsonb_object_agg(o.key, o.value) AS before, jsonb_object_agg(n.key, n.value) AS after
                FROM crm_customer c, jsonb_each(to_jsonb(c)) n JOIN jsonb_each(\(utf8: before)::jsonb) o USING (key)
                WHERE c.id = \(id)::bigint AND n.value IS DISTINCT FROM o.value) changed
            """)
    }
}
