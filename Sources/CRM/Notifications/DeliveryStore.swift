internal import Channels
internal import Postgres

/// The table `paidan.delivery`: one row a recipient, channel and part of an event.
public enum DeliveryStore {
    /// How long after its event a message is still worth sending.
    static let lifetime = "24 hours"

    /// A delivery and what it tells of.
    struct Delivery: Sendable {
        let id: Int
        let event: Int
        let type: String
        /// JSON of the event.
        let payload: [UInt8]
        /// Milliseconds since 1970.
        let occurredAt: Int64
        /// `09:31` in the business's time zone.
        let time: String
        let channel: String
        let recipient: String
        let part: Int
        let status: DeliveryRules.Status
        let attempt: Int
        let leaseOwner: String?
        let leaseEnded: Bool
        let isExpired: Bool
        /// Milliseconds since 1970.
        let expiresAt: Int64?
        let frozenBody: FrozenBody?
        let wasAmbiguous: Bool
        /// The seller in the payload, as he is called now.
        let seller: String?
        let createdAt: Int64
        /// Until it may be tried again.
        let wait: Duration?
    }

    private static let columns: SQL = """
        d.id, d.event_id, e.type, e.payload, (extract(epoch FROM e.occurred_at) * 1000)::bigint,
        to_char(e.occurred_at AT TIME ZONE paidan.setting('timezone', 'Asia/Shanghai'), 'HH24:MI'), d.channel,
        d.recipient_key, d.part, d.status, d.attempt, d.lease_owner, coalesce(d.lease_until < paidan.now(), true),
        coalesce(d.expires_at < paidan.now(), false), (extract(epoch FROM d.expires_at) * 1000)::bigint, d.frozen_body,
        d.content_type, coalesce(d.class = 'ambiguous', false), u.name, (extract(epoch FROM d.created_at) * 1000)::bigint,
        (extract(epoch FROM d.next_at - paidan.now()) * 1000)::bigint
        """
    private static let tables: SQL = """
        paidan.delivery d JOIN paidan.event e ON e.id = d.event_id
        LEFT JOIN crm_userinfo u ON u.id = (e.payload ->> 'user_id')::bigint
        """

    /// Name of a delivery's channel, without a lock.
    static func channel(of id: Int, in tx: inout Transaction) throws -> String? {
        try tx.query("SELECT channel FROM paidan.delivery WHERE id = \(id)").first?.text(0)
    }

    /// Locks one delivery.
    static func lock(_ id: Int, in tx: inout Transaction) throws -> Delivery? {
        try tx.query("SELECT \(columns) FROM \(tables) WHERE d.id = \(id) FOR UPDATE OF d").first.map { try read($0) }
    }

    /// Another delivery that this job took and did not settle, locked.
    static func leased(
        by job: String, channel: String, besides id: Int, in tx: inout Transaction
    ) throws -> Delivery? {
        try tx.query(
            """
            SELECT \(columns) FROM \(tables)
            WHERE d.channel = \(channel) AND d.status = 'leased' AND d.lease_owner = \(job) AND d.id <> \(id)
            ORDER BY d.id LIMIT 1 FOR UPDATE OF d
            """
        ).first.map { try read($0) }
    }

    /// Deliveries of a group that have no message yet, oldest first, locked; those that another transaction has locked
    /// are passed over.
    static func mergeable(channel: String, recipient: String, limit: Int, in tx: inout Transaction) throws -> [Delivery]
    {
        try tx.query(
            """
            SELECT \(columns) FROM \(tables)
            WHERE d.channel = \(channel) AND d.recipient_key = \(recipient) AND d.status IN ('pending', 'retry', 'held')
                AND d.frozen_body IS NULL AND coalesce(d.expires_at > paidan.now(), true)
            ORDER BY d.id LIMIT \(limit) FOR UPDATE OF d SKIP LOCKED
            """
        ).map { try read($0) }
    }

    /// How many deliveries wait longer for the same channel, at most 600.
    static func ahead(of delivery: Delivery, in tx: inout Transaction) throws -> Int {
        try tx.query(
            """
            SELECT count(*) FROM (
                SELECT FROM paidan.delivery
                WHERE channel = \(delivery.channel) AND status IN ('pending', 'retry', 'held') AND id < \(delivery.id)
                LIMIT 600) AS waiting
            """)[0].int(0)
    }

    /// A message's own delivery and those merged into it, oldest first.
    static func members(of lead: Int, in tx: inout Transaction) throws -> [Delivery] {
        try tx.query(
            """
            SELECT \(columns) FROM \(tables)
            WHERE d.id = \(lead) OR d.merged_into = \(lead) ORDER BY d.id FOR UPDATE OF d
            """
        ).map { try read($0) }
    }

    private static func read(_ row: Row) throws -> Delivery {
        guard let status = DeliveryRules.Status(rawValue: try row.text(9)) else {
            throw PostgresError(code: .decoding, message: "paidan.delivery has a status this version does not know")
        }
        let body = row.isNull(15) ? nil : try row.bytes(15)
        return Delivery(
            id: try row.int(0), event: try row.int(1), type: try row.text(2), payload: try row.utf8(3),
            occurredAt: Int64(try row.int(4)), time: try row.text(5), channel: try row.text(6),
            recipient: try row.text(7), part: try row.int(8), status: status, attempt: try row.int(10),
            leaseOwner: row.optionalText(11), leaseEnded: try row.bool(12), isExpired: try row.bool(13),
            expiresAt: try row.optionalInt(14).map { Int64($0) },
            frozenBody: body.map { FrozenBody(bytes: $0, contentType: row.optionalText(16) ?? "", items: 0..<0) },
            wasAmbiguous: try row.bool(17), seller: row.optionalText(18), createdAt: Int64(try row.int(19)),
            wait: try row.optionalInt(20).flatMap { $0 > 0 ? .milliseconds($0) : nil })
    }
}
