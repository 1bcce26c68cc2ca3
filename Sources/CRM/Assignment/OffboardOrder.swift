internal import JobsPostgres
internal import Postgres

/// A job `seller.offboard` that somebody asked for; the outbox has it.
public struct OffboardOrder: Sendable, Equatable {
    public let id: String
    /// A JSON object.
    public let args: [UInt8]
    public let key: String
    /// Milliseconds since 1970.
    public let createdAt: Int

    /// Switches a person off, and sees to it that the job runs.
    ///
    /// - Returns: `nil` if there is no such person.
    static func give(user: Int, actor: String, in tx: inout Transaction) throws -> OffboardOrder? {
        Author.set(actor, in: &tx)
        let rows = try tx.query("SELECT is_active FROM crm_userinfo WHERE id = \(user)::bigint FOR NO KEY UPDATE")
        guard let person = rows.first else { return nil }
        let wasActive = try person.bool(0)
        let key = "seller.offboard:\(user)"
        if wasActive {
            // The table's trigger puts the job into the outbox, whoever switches a seller off.
            _ = try tx.query("UPDATE crm_userinfo SET is_active = false WHERE id = \(user)::bigint")
        } else {
            let args = Array("{\"user_id\":\(user)}".utf8)
            try Outbox.append([OutboxJob(kind: OffboardJob.kind, args: args, key: key)], in: &tx)
        }
        let jobs = try tx.query(
            """
            SELECT id, args, floor(extract(epoch FROM created_at) * 1000)::bigint FROM paidan.outbox
            WHERE key = \(key) AND sent_at IS NULL ORDER BY seq DESC LIMIT 1
            """)
        guard let job = jobs.first else { throw AssignmentError.noRow }
        let order = OffboardOrder(id: try job.text(0), args: try job.utf8(1), key: key, createdAt: try job.int(2))
        try AuditLog.record(
            "user.offboard", "crm_userinfo", String(user),
            before: "jsonb_build_object('is_active', \(wasActive)::boolean)",
            after: "jsonb_build_object('is_active', false, 'job_id', \(order.id)::text)", in: &tx)
        return order
    }
}
