internal import Channels
internal import JobsPostgres
internal import Postgres

// What becomes of a delivery.
extension DeliveryStore {
    /// Keeps a message's bytes, before any byte is sent.
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

    /// A further message of a long text: a delivery of its own, with its own job.
    static func addPart(_ body: FrozenBody, after delivery: Int, in tx: inout Transaction) throws {
        let id = try tx.query(
            """
            INSERT INTO paidan.delivery (event_id, channel, recipient_key, part, frozen_body, content_type, expires_at)
            SELECT event_id, channel, recipient_key, (
                    SELECT max(part) + 1 FROM paidan.delivery o
                    WHERE o.event_id = d.event_id AND o.channel = d.channel AND o.recipient_key = d.recipient_key),
                \(bytes: body.bytes), \(body.contentType), expires_at
            FROM paidan.delivery d WHERE id = \(delivery) RETURNING id
            """)[0].int(0)
        try Outbox.append([NotifyJob.job(id)], in: &tx)
    }

    /// Takes the delivery into one attempt. A crash from here on leaves it leased: the message may have gone out.
    ///
    /// - Parameter now: of the channel's clock, where the attempt counts for its limit.
    static func lease(
        _ id: Int, owner: String, channelKey: String, now: Int64, in tx: inout Transaction
    ) throws {
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = 'leased', attempt = attempt + 1, lease_owner = \(owner),
                lease_until = paidan.now() + interval '10 minutes', updated_at = paidan.now()
            WHERE id = \(id)
            """)
        _ = try tx.query(
            """
            INSERT INTO paidan.send_log (channel_key, sent_at)
            VALUES (\(channelKey), to_timestamp(\(now)::float8 / 1000))
            """)
    }

    /// Whether an attempt's end may still be written down: nobody else has taken the delivery on since.
    ///
    /// - Parameter isDelivered: good news is welcome, even when the attempt was given up as unknown meanwhile.
    static func accepts(
        _ id: Int, owner: String, attempt: Int, isDelivered: Bool, in tx: inout Transaction
    ) throws -> Bool {
        try !tx.query(
            """
            SELECT FROM paidan.delivery
            WHERE id = \(id) AND attempt = \(attempt) AND (status = 'leased' AND lease_owner = \(owner)
                OR \(isDelivered) AND status IN ('retry', 'ambiguous') AND class = 'ambiguous')
            FOR UPDATE
            """
        ).isEmpty
    }

    /// How an attempt, or a decision without one, leaves a delivery and those merged into it.
    struct Mark {
        var status: DeliveryRules.Status
        var isAmbiguous = false
        var code: String?
        var hint: String?
        var providerID: String?
        /// When it may be tried again, in milliseconds since 1970.
        var nextAt: Int64?
        /// A provider's limit uses up no attempt.
        var countsAttempt = true
    }

    static func mark(_ id: Int, _ mark: Mark, in tx: inout Transaction) throws {
        let status = mark.status.rawValue
        let ambiguous = mark.isAmbiguous ? "ambiguous" : nil
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = \(status), class = coalesce(\(ambiguous), class), errcode = \(mark.code),
                hint = \(mark.hint), provider_msg_id = coalesce(\(mark.providerID), provider_msg_id),
                attempt = attempt - CASE WHEN \(mark.countsAttempt) OR attempt = 0 THEN 0 ELSE 1 END,
                next_at = to_timestamp(\(mark.nextAt)::float8 / 1000), lease_owner = NULL,
                lease_until = NULL, updated_at = paidan.now()
            WHERE id = \(id)
            """)
        // Each item is a delivery of its own and fares as its message does.
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET errcode = \(mark.code), hint = \(mark.hint),
                provider_msg_id = coalesce(\(mark.providerID), provider_msg_id), updated_at = paidan.now()
            WHERE merged_into = \(id)
            """)
    }

    /// Makes a message of its own of deliveries that had one together, with all its attempts before it.
    static func regroup(_ message: GroupMessage, in tx: inout Transaction) throws {
        let lead = message.members[0].id
        _ = try tx.query(
            """
            UPDATE paidan.delivery SET status = 'pending', attempt = 0, merged_into = NULL, class = NULL,
                next_at = NULL, lease_owner = NULL, lease_until = NULL WHERE id = \(lead)
            """)
        try message.keep(in: &tx)
        try Outbox.append([NotifyJob.job(lead)], in: &tx)
    }
}
