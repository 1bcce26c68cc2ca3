public import Jobs
public import Logging
public import Postgres
public import ServiceLifecycle

/// Takes committed outbox rows to the queue, woken by `NOTIFY` and at least once a second.
///
/// A row's id is the job's id, so a row that is taken twice (after a crash, or by two relays) is one job. Any number of
/// relays may run: each batch is claimed for a while first.
public struct Relay: Service {
    /// Rows of one batch, at most 500. Default 500.
    public var batch = 500
    /// How long a claimed batch is left alone; after a crash it is taken again then. Default 10 s.
    public var claim: Duration = .seconds(10)
    /// How long a row that the queue refuses is put aside. Default 10 min.
    public var aside: Duration = .seconds(600)

    private let pool: PostgresPool
    private let conninfo: String
    private let store: any JobDoor
    private let kinds: KindRegistry
    private let logger: Logger

    /// - Parameter conninfo: for the connection that listens; the pool's own is not shared with it.
    public init(pool: PostgresPool, conninfo: String, store: any JobDoor, kinds: KindRegistry, logger: Logger) {
        self.pool = pool
        self.conninfo = conninfo
        self.store = store
        self.kinds = kinds
        self.logger = logger
    }

    /// Runs until the process stops; the batch in hand is finished.
    public func run() async {
        let listener = PostgresListener(conninfo: conninfo, channels: ["paidan_outbox"])
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    for await _ in listener.notifications { wake.yield() }
                }
                group.addTask {
                    while !Task.isCancelled {
                        wake.yield()
                        try? await Task.sleep(for: .seconds(1))
                    }
                }
                for await _ in wakes { await drain() }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            wake.finish()
        }
        listener.close()
    }

    /// Takes what is there; after trouble the next tick goes on.
    private func drain() async {
        do {
            while try await relay() == batch, !Task.isCancelled, !Task.isShuttingDownGracefully {}
        } catch {
            logger.warning("relay of the outbox paused", metadata: ["trouble": "store", "error": "\(error)"])
        }
    }

    /// Takes one batch to the queue.
    ///
    /// - Returns: how many rows were claimed.
    /// - Throws: `PostgresError` or `StoreError` when a store is away; the rows are taken again later.
    @discardableResult
    public func relay() async throws -> Int {
        let jobs = try await claimed()
        guard !jobs.isEmpty else { return 0 }
        do {
            _ = try await store.enqueue(jobs)
        } catch  where error.isInfrastructure {
            // Best effort: without it they wait until the claim ends.
            _ = try? await pool.query(
                "UPDATE paidan.outbox SET claimed_until = NULL WHERE id = ANY (\(jobs.map(\.id))::uuid[]) AND sent_at IS NULL"
            )
            throw error
        } catch {
            return try await oneByOne(jobs)
        }
        try await sent(jobs.map(\.id))
        return jobs.count
    }

    /// One row that the queue will never take must not hold up the others.
    private func oneByOne(_ jobs: [NewJob]) async throws -> Int {
        for job in jobs {
            do {
                _ = try await store.enqueue([job])
                try await sent([job.id])
            } catch let error as StoreError where !error.isInfrastructure {
                logger.error(
                    "job of the outbox refused by the queue",
                    metadata: ["job.id": "\(job.id)", "job.kind": "\(job.kind)", "error": "\(error)"])
                _ = try await pool.query(
                    """
                    UPDATE paidan.outbox SET claimed_until = now() + \(aside.seconds)::float8 * interval '1 second'
                    WHERE id = \(job.id)::uuid
                    """)
            }
        }
        return jobs.count
    }

    private func claimed() async throws -> [NewJob] {
        let rows = try await pool.query(
            """
            WITH next AS (
                SELECT id FROM paidan.outbox
                WHERE sent_at IS NULL AND (claimed_until IS NULL OR claimed_until < now())
                ORDER BY seq LIMIT \(batch)::int FOR UPDATE SKIP LOCKED
            ), taken AS (
                UPDATE paidan.outbox o SET claimed_until = now() + \(claim.seconds)::float8 * interval '1 second'
                FROM next WHERE o.id = next.id RETURNING o.*
            )
            SELECT id::text, kind, args::text, queue, key, (extract(epoch FROM run_at) * 1000)::bigint, max_attempts,
                traceparent
            FROM taken ORDER BY seq
            """)
        return try rows.map { row in
            let kind = try row.text(1)
            return NewJob(
                id: try row.text(0), kind: kind, args: try row.utf8(2),
                queue: row.optionalText(3) ?? kinds[kind]?.queue ?? "default", runAt: try row.optionalInt(5),
                key: row.optionalText(4), maxAttempts: try row.optionalInt(6), traceparent: row.optionalText(7))
        }
    }

    private func sent(_ ids: [String]) async throws {
        _ = try await pool.query(
            "UPDATE paidan.outbox SET sent_at = now(), claimed_until = NULL WHERE id = ANY (\(ids)::uuid[])")
    }
}
