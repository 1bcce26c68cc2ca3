public import Postgres

/// A job that a transaction gives birth to; the ``Relay`` takes it to the queue after the commit.
public struct OutboxJob: Sendable {
    public var kind: String
    /// A JSON object of at most 64 KiB, kept byte for byte.
    public var args: [UInt8]
    /// Nil is the kind's own queue.
    public var queue: String?
    /// Makes the job the only one of its queue with this key.
    public var key: String?
    /// How long it waits first, from now on.
    public var delay: Duration?
    /// Nil is the kind's own number.
    public var maxAttempts: Int?
    public var traceparent: String?

    public init(
        kind: String, args: [UInt8] = Array("{}".utf8), queue: String? = nil, key: String? = nil,
        delay: Duration? = nil, maxAttempts: Int? = nil, traceparent: String? = nil
    ) {
        self.kind = kind
        self.args = args
        self.queue = queue
        self.key = key
        self.delay = delay
        self.maxAttempts = maxAttempts
        self.traceparent = traceparent
    }
}

/// Jobs that are enqueued if, and only if, the transaction commits.
public enum Outbox {
    /// Writes the rows; a trigger notifies the relays at the commit.
    ///
    /// - Returns: the ids of the jobs, in the order given.
    @discardableResult
    public static func append(_ jobs: [OutboxJob], in tx: inout Transaction) throws -> [String] {
        guard !jobs.isEmpty else { return [] }
        let delays = jobs.map { $0.delay.map { String(describing: $0.seconds) } }
        let rows = try tx.query(
            """
            INSERT INTO paidan.outbox (kind, args, queue, key, run_at, max_attempts, traceparent)
            SELECT kind, args::json, queue, key, now() + delay::float8 * interval '1 second', attempts, trace
            FROM unnest(\(jobs.map(\.kind))::text[], \(utf8: jobs.map(\.args))::text[], \(jobs.map(\.queue))::text[],
                \(jobs.map(\.key))::text[], \(delays)::text[], \(jobs.map(\.maxAttempts))::int[],
                \(jobs.map(\.traceparent))::text[]) WITH ORDINALITY
                AS job (kind, args, queue, key, delay, attempts, trace, place)
            ORDER BY place RETURNING id::text
            """)
        return try rows.map { try $0.text(0) }
    }

    /// Lets the relay take rows again whose job left no receipt: what a flushed or restored queue lost comes back, and
    /// for a job that is still there the same id makes it a no-op.
    ///
    /// - Parameters:
    ///   - quiet: only rows that were sent, and due, that long ago.
    ///   - kept: only rows that were sent, or due, less long ago: below the time that the queue remembers finished jobs.
    /// - Returns: how many rows.
    public static func resend(
        quiet: Duration = .seconds(15), kept: Duration = .seconds(23 * 3600), limit: Int = 10_000,
        in tx: inout Transaction
    ) throws -> Int {
        let rows = try tx.query(
            """
            UPDATE paidan.outbox SET sent_at = NULL, claimed_until = NULL WHERE id IN (
                SELECT o.id FROM paidan.outbox o
                WHERE o.sent_at < now() - \(quiet.seconds)::float8 * interval '1 second'
                  AND (o.run_at IS NULL OR o.run_at < now() - \(quiet.seconds)::float8 * interval '1 second')
                  AND greatest(o.sent_at, o.run_at) > now() - \(kept.seconds)::float8 * interval '1 second'
                  AND NOT EXISTS (SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text)
                ORDER BY o.seq LIMIT \(limit)::int FOR UPDATE SKIP LOCKED)
            """)
        if rows.affected > 0 { _ = try tx.query("SELECT pg_notify('paidan_outbox', '')") }
        return rows.affected
    }

    /// How many rows no relay has taken yet, and the age of the oldest, for a metric.
    public static func waiting(in tx: inout Transaction) throws -> (rows: Int, oldest: Duration) {
        let row = try tx.query(
            """
            SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
            FROM paidan.outbox WHERE sent_at IS NULL
            """)[0]
        return (try row.int(0), .seconds(try row.double(1)))
    }
}

extension Duration {
    /// Seconds with their fraction.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
