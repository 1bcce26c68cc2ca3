internal import Postgres

/// What is known of a channel's account or robot: its breaker, its pause, its last minute. Shared by all processes.
enum ChannelStateStore {
    struct State: Sendable {
        /// `closed`, `open` or `half_open`.
        var breaker: String
        /// An open breaker that no probe may close: only a person's test message.
        var needsPerson: Bool
        /// How long it is still paused.
        var pause: Duration?
        /// Ages of the messages of the last minute, newest first.
        var recent: [Duration]
    }

    /// Locks the channel until the transaction ends: one message at a time passes the limiter.
    static func lock(_ key: String, in tx: inout Transaction) throws -> State {
        _ = try tx.query("SELECT pg_advisory_xact_lock(hashtextextended(\(key), 7003))")
        let row = try tx.query(
            """
            SELECT breaker, reason = 'credentials', (extract(epoch FROM paused_until - paidan.now()) * 1000)::bigint
            FROM paidan.channel_state WHERE channel_key = \(key)
            """
        ).first
        let recent = try tx.query(
            """
            SELECT (extract(epoch FROM clock_timestamp() - sent_at) * 1000)::bigint FROM paidan.send_log
            WHERE channel_key = \(key) AND sent_at > clock_timestamp() - interval '1 minute' ORDER BY sent_at DESC
            """)
        let pause = try row?.optionalInt(2)
        return State(
            breaker: try row?.text(0) ?? "closed", needsPerson: try row?.optionalBool(1) ?? false,
            pause: pause.flatMap { $0 > 0 ? .milliseconds($0) : nil },
            recent: try recent.map { .milliseconds(max(0, try $0.int(0))) })
    }

    /// Nothing is sent with this key for so long.
    static func pause(_ key: String, for wait: Duration, reason: String, in tx: inout Transaction) throws {
        let milliseconds = Int(wait / .milliseconds(1))
        _ = try tx.query(
            """
            INSERT INTO paidan.channel_state (channel_key, paused_until, reason)
            VALUES (\(key), paidan.now() + \(milliseconds) * interval '1 millisecond', \(reason))
            ON CONFLICT (channel_key) DO UPDATE
            SET paused_until = greatest(channel_state.paused_until, excluded.paused_until), reason = excluded.reason,
                updated_at = paidan.now()
            """)
    }

    /// - Parameter reason: `config`: the next attempt is a probe; `credentials`: only a person closes it.
    static func open(_ key: String, reason: String, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.channel_state (channel_key, breaker, reason) VALUES (\(key), 'open', \(reason))
            ON CONFLICT (channel_key) DO UPDATE
            SET breaker = 'open', reason = excluded.reason, updated_at = paidan.now()
            """)
    }

    static func close(_ key: String, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            UPDATE paidan.channel_state SET breaker = 'closed', reason = NULL, updated_at = paidan.now()
            WHERE channel_key = \(key) AND breaker <> 'closed'
            """)
    }

    static func suppress(_ recipient: String, channel: String, reason: String, in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            INSERT INTO paidan.suppression (recipient, channel, reason) VALUES (\(recipient), \(channel), \(reason))
            ON CONFLICT (recipient, channel) DO UPDATE SET reason = excluded.reason, until = NULL
            """)
    }

    static func isSuppressed(_ recipient: String, channel: String, in tx: inout Transaction) throws -> Bool {
        try !tx.query(
            """
            SELECT FROM paidan.suppression
            WHERE recipient = \(recipient) AND channel = \(channel) AND (until IS NULL OR until > paidan.now())
            """
        ).isEmpty
    }
}
