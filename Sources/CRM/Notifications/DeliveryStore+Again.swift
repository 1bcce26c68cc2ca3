internal import JobsPostgres
public import Postgres

// Deliveries that come back.
extension DeliveryStore {
    /// Sends once more what was given up, is held, or may or may not have arrived: the same message to the same
    /// recipient, with all its attempts before it and a day's time. A recipient that was refused gets another chance.
    ///
    /// - Returns: false if there is no such delivery, or it was delivered, or it is on its way.
    public static func resend(_ id: Int, in tx: inout Transaction) throws -> Bool {
        let rows = try tx.query(
            """
            UPDATE paidan.delivery SET status = 'pending', attempt = 0, next_at = NULL, class = NULL, errcode = NULL,
                hint = NULL, expires_at = paidan.now() + interval '\(raw: lifetime)', updated_at = paidan.now()
            WHERE id = \(id) AND status IN ('held', 'dead', 'ambiguous') RETURNING channel, recipient_key
            """)
        guard let row = rows.first else { return false }
        try ChannelStateStore.forgive(row.text(1), channel: row.text(0), in: &tx)
        try Outbox.append([NotifyJob.job(id)], in: &tx)
        return true
    }

    /// Gives a new job to deliveries that wait and that none has touched for half an hour: theirs died.
    ///
    /// - Returns: how many.
    public static func requeueForgotten(in tx: inout Transaction) throws -> Int {
        let rows = try tx.query(
            """
            UPDATE paidan.delivery SET updated_at = paidan.now() WHERE id IN (
                SELECT id FROM paidan.delivery
                WHERE (status IN ('pending', 'leased', 'retry') OR status = 'held' AND class IS NULL)
                    AND greatest(updated_at, next_at, lease_until) < paidan.now() - interval '30 minutes'
                ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED)
            RETURNING id
            """)
        try Outbox.append(try rows.map { NotifyJob.job(try $0.int(0)) }, in: &tx)
        return rows.count
    }
}
