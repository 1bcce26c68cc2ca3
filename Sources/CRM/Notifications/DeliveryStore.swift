internal import Channels
internal import JobsPostgres
internal import Postgres

/// The tables of notices: `paidan.delivery`, `send_log`, `channel_state`, `suppression`.
enum DeliveryStore {
    /// A delivery and what it tells of.
    struct Row: Sendable {
        let id: Int
        let event: Int
        let type: String
        /// JSON of the event.
        let payload: [UInt8]
        /// Milliseconds since 1970.
        let occurredAt: Int
        let channel: String
        let recipient: String
        let part: Int
        let status: String
        let attempt: Int
        let leaseOwner: String?
        let leaseEnded: Bool
        let isExpired: Bool
        let frozenBody: [UInt8]?
        let contentType: String?
        let deliveryClass: String?
        /// Name of the seller in the payload, as it is now.
        let seller: String?
    }

    private static let columns: SQL = """
        d.id, d.event_id, e.type, e.payload, (extract(epoch FROM e.occurred_at) * 1000)::bigint, d.channel,
        d.recipient_key, d.part, d.status, d.attempt, d.lease_owner, coalesce(d.lease_until < paidan.now(), true),
        coalesce(d.expires_at < paidan.now(), false), d.frozen_body, d.content_type, d.class, u.name
        """
    private static let tables: SQL = """
        paidan.delivery d JOIN paidan.event e ON e.id = d.event_id
        LEFT JOIN crm_userinfo u ON u.id = (e.payload ->> 'user_id')::bigint
        """

    /// Locks one delivery.
    static func lock(_ id: Int, in tx: inout Transaction) throws -> Row? {
        try tx.query("SELECT \(columns) FROM \(tables) WHERE d.id = \(id) FOR UPDATE OF d").first.map { try read($0) }
    }

    /// Waiting deliveries that may share a message with others of their group, oldest first, locked; those that another
    /// transaction has locked are passed over.
    static func mergeable(channel: String, recipient: String, limit: Int, in tx: inout Transaction) throws -> [Row] {
        try tx.query(
            """
            SELECT \(columns) FROM \(tables)
            WHERE d.channel = \(channel) AND d.recipient_key = \(recipient) AND d.status = 'pending'
                AND d.frozen_body IS NULL AND d.expires_at > paidan.now()
            ORDER BY d.id LIMIT \(limit) FOR UPDATE OF d SKIP LOCKED
            """
        ).map { try read($0) }
    }

    /// A digest's own delivery and those merged into it, oldest first.
    static func members(of lead: Int, in tx: inout Transaction) throws -> [Row] {
        try tx.query(
            """
            SELECT \(columns) FROM \(tables) WHERE d.id = \(lead) OR d.merged_into = \(lead) ORDER BY d.id FOR UPDATE OF d
            """
        ).map { try read($0) }
    }

    private static func read(_ row: Row_) throws -> Row {
        Row(
            id: try row.int(0), event: try row.int(1), type: try row.text(2), payload: try row.utf8(3),
            occurredAt: try row.int(4), channel: try row.text(5), recipient: try row.text(6), part: try row.int(7),
            status: try row.text(8), attempt: try row.int(9), leaseOwner: row.optionalText(10),
            leaseEnded: try row.bool(11), isExpired: try row.bool(12),
            frozenBody: row.isNull(13) ? nil : try row.bytes(13), contentType: row.optionalText(14),
            deliveryClass: row.optionalText(15), seller: row.optionalText(16))
    }

    private typealias Row_ = Postgres.Row

    // MARK: what becomes of a delivery

    /// Keeps the message's bytes, before any byte is sent.
    static func freeze(_ id: Int, _ body: FrozenBody, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET frozen_body = \(bytes: body.bytes), content_type = \(body.contentType),
                updated_at = paidan.now() WHERE id = \(id)
            """)
    }

    static func merge(_ ids: [Int], into lead: Int, in tx: inout Transaction) throws {
        guard !ids.isEmpty else { return }
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = 'merged', merged_into = \(lead), updated_at = paidan.now()
            WHERE id = ANY(\(ids)::bigint[])
            """)
    }

    /// Further messages of one digest: deliveries of their own, with their own jobs.
    static func addParts(_ bodies: some Collection<FrozenBody>, after row: Row, in tx: inout Transaction) throws {
        var jobs: [OutboxJob] = []
        for (offset, body) in bodies.enumerated() {
            let rows = try tx.query(
                """
                INSERT INTO paidan.delivery
                    (event_id, channel, recipient_key, part, frozen_body, content_type, expires_at)
                SELECT event_id, channel, recipient_key, (
                        SELECT max(part) + 1 FROM paidan.delivery o
                        WHERE o.event_id = d.event_id AND o.channel = d.channel AND o.recipient_key = d.recipient_key),
                    \(bytes: body.bytes), \(body.contentType), expires_at
                FROM paidan.delivery d WHERE id = \(row.id) RETURNING id
                """)
            jobs.append(NotifyJob.job(try rows[0].int(0), delay: .seconds(offset + 1)))
        }
        try Outbox.append(jobs, in: &tx)
    }

    /// Takes the delivery into one attempt. A crash from here on leaves it leased: the message may have gone out.
    static func lease(
        _ id: Int, owner: String, lasting: Duration, channelKey: String, in tx: inout Transaction
    ) throws {
        let seconds = Int(lasting.components.seconds)
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = 'leased', attempt = attempt + 1, lease_owner = \(owner),
                lease_until = paidan.now() + \(seconds) * interval '1 second', updated_at = paidan.now()
            WHERE id = \(id)
            """)
        _ = try tx.query("INSERT INTO paidan.send_log (channel_key) VALUES (\(channelKey))")
    }

    /// How an attempt, or a decision without one, leaves a delivery and those merged into it.
    struct Mark {
        var status: String
        var deliveryClass: String?
        var code: String?
        var hint: String?
        var providerID: String?
        /// When it may be tried again.
        var wait: Duration?
        /// A provider's limit uses up no attempt.
        var spendsAttempt = true
    }

    static func mark(_ id: Int, _ mark: Mark, in tx: inout Transaction) throws {
        let wait = mark.wait.map { Int($0 / .milliseconds(1)) }
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = \(mark.status), class = \(mark.deliveryClass), errcode = \(mark.code),
                hint = \(mark.hint), provider_msg_id = coalesce(\(mark.providerID), provider_msg_id),
                attempt = attempt - CASE WHEN \(mark.spendsAttempt) OR attempt = 0 THEN 0 ELSE 1 END,
                next_at = paidan.now() + \(wait)::bigint * interval '1 millisecond', lease_owner = NULL,
                lease_until = NULL, updated_at = paidan.now()
            WHERE id = \(id)
            """)
        // Each item is a delivery of its own and ends as its message does.
        if ["sent", "accepted", "partial", "dead", "suppressed"].contains(mark.status) {
            _ = try tx.query(
                """
                UPDATE paidan.delivery SET class = \(mark.deliveryClass), errcode = \(mark.code), hint = \(mark.hint),
                    provider_msg_id = \(mark.providerID), updated_at = paidan.now()
                WHERE merged_into = \(id)
                """)
        }
    }

    /// Makes deliveries wait again as they did before they were merged.
    static func separate(_ ids: [Int], lead: Int, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = CASE WHEN id = \(lead) THEN 'pending' ELSE 'merged' END,
                merged_into = CASE WHEN id = \(lead) THEN NULL ELSE \(lead)::bigint END, lease_owner = NULL,
                lease_until = NULL, updated_at = paidan.now()
            WHERE id = ANY(\(ids)::bigint[])
            """)
    }
}
