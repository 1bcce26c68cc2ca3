internal import Channels
internal import Postgres

/// What is known of a channel's account or robot: its breaker, its pause, its last minute. Shared by all processes.
///
/// Times are milliseconds since 1970 of the database's clock: not of a transaction's start, which may lie before its
/// wait for the channel.
enum ChannelStateStore {
    struct State: Sendable {
        var breaker: Breaker
        var window: RateWindow
        let now: Int64
        /// Of the business's day, 0–1439.
        let minute: Int
    }

    /// Locks the channel until the transaction ends: one message at a time passes the limiter.
    static func lock(_ channel: any Channel, in tx: inout Transaction) throws -> State {
        let key = channel.keyFingerprint
        _ = try tx.query("SELECT pg_advisory_xact_lock(hashtextextended(\(key), 7003))")
        let time = try tx.query(
            """
            SELECT (extract(epoch FROM clock.now) * 1000)::bigint,
                (extract(epoch FROM (clock.now AT TIME ZONE paidan.setting('timezone', 'Asia/Shanghai'))::time) / 60 - 0.5)::int
            FROM (SELECT clock_timestamp() + (paidan.now() - pg_catalog.now()) AS now) AS clock
            """)[0]
        let now = Int64(try time.int(0))
        let row = try tx.query(
            """
            SELECT is_open, (extract(epoch FROM probe_at) * 1000)::bigint, coalesce(code, ''), coalesce(hint, ''),
                coalesce((extract(epoch FROM paused_until) * 1000)::bigint, 0)
            FROM paidan.channel_state WHERE channel_key = \(key)
            """
        ).first
        let sent = try channel.limits.perMinute == nil ? [] : sends(of: key, upTo: now, in: &tx)
        var breaker = Breaker()
        if let row, try row.bool(0) {
            breaker = Breaker(
                .open(
                    probeAt: try row.optionalInt(1).map { Int64($0) }, code: try row.text(2), hint: try row.text(3)))
        }
        let window = RateWindow(
            limit: channel.limits.perMinute ?? .max, spacing: channel.limits.spacing, sent: sent,
            pausedUntil: Int64(try row?.int(4) ?? 0))
        return State(breaker: breaker, window: window, now: now, minute: try time.int(1))
    }

    /// The last minute's.
    private static func sends(of key: String, upTo now: Int64, in tx: inout Transaction) throws -> [Int64] {
        try tx.query(
            """
            SELECT (extract(epoch FROM sent_at) * 1000)::bigint FROM paidan.send_log
            WHERE channel_key = \(key) AND sent_at > to_timestamp(\(now - RateWindow.length)::float8 / 1000)
            """
        ).map { Int64(try $0.int(0)) }
    }

    static func save(_ breaker: Breaker, of key: String, in tx: inout Transaction) throws {
        var probe: Int?
        var code: String?
        var hint: String?
        var isOpen = false
        if case .open(let at, let openCode, let openHint) = breaker.state {
            isOpen = true
            probe = at.map { Int($0) }
            code = openCode
            hint = openHint
        }
        _ = try tx.query(
            """
            INSERT INTO paidan.channel_state (channel_key, is_open, probe_at, code, hint)
            VALUES (\(key), \(isOpen), to_timestamp(\(probe)::float8 / 1000), \(code), \(hint))
            ON CONFLICT (channel_key) DO UPDATE SET is_open = excluded.is_open, probe_at = excluded.probe_at,
                code = excluded.code, hint = excluded.hint, updated_at = paidan.now()
            """)
    }

    /// Nothing is sent with this key before that time.
    static func pause(_ key: String, until: Int64, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.channel_state (channel_key, paused_until)
            VALUES (\(key), to_timestamp(\(Int(until))::float8 / 1000))
            ON CONFLICT (channel_key) DO UPDATE
            SET paused_until = greatest(channel_state.paused_until, excluded.paused_until), updated_at = paidan.now()
            """)
    }

}

// Recipients who are not written to any more.
extension ChannelStateStore {
    static func suppress(
        _ recipient: RecipientStore.Found, channel: String, reason: String, in tx: inout Transaction
    ) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.suppression (recipient, channel, reason)
            VALUES (\(recipient.addressKey), \(channel), \(reason))
            ON CONFLICT (recipient, channel) DO UPDATE SET reason = excluded.reason, until = NULL
            """)
    }

    static func isSuppressed(
        _ recipient: RecipientStore.Found, channel: String, in tx: inout Transaction
    ) throws -> Bool {
        try !tx.query(
            """
            SELECT FROM paidan.suppression
            WHERE recipient = \(recipient.addressKey) AND channel = \(channel)
                AND (until IS NULL OR until > paidan.now())
            """
        ).isEmpty
    }

    /// - Parameter key: a delivery's `recipient_key`, at any address.
    static func forgive(_ key: String, channel: String, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            DELETE FROM paidan.suppression WHERE channel = \(channel) AND split_part(recipient, ' ', 1) = \(key)
            """)
    }
}
