import Foundation
import Jobs
import JobsPostgres
import Logging
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

/// A migrated database of one test with a clock to set: sellers, customers, sweeps and reminders.
final class ExpiryLab: Sendable {
    let pool: PostgresPool
    let conninfo: String
    private let jobs = Lock(0)

    init(_ pool: PostgresPool, _ conninfo: String) {
        self.pool = pool
        self.conninfo = conninfo
    }

    /// Checks all invariants at the end.
    static func with(_ body: (ExpiryLab) async throws -> Void) async throws {
        try await FreshDatabase.with(template: "assignment", prepare: AssignmentLab.migrate) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 6) { pool in
                let lab = ExpiryLab(pool, conninfo)
                try await body(lab)
                let broken = try await pool.transaction { try Invariants.violations(in: &$0) }
                #expect(broken.isEmpty, "\(broken)")
            }
        }
    }

    /// Sets the clock of every writer.
    ///
    /// - Parameter time: in Shanghai, `2018-05-22 23:59:59.999`, or with an offset of its own.
    func at(_ time: String) async throws {
        let moment: SQL =
            time.hasSuffix("Z") ? "\(time)::timestamptz" : "(\(time)::timestamp AT TIME ZONE 'Asia/Shanghai')"
        _ = try await pool.query(
            """
            INSERT INTO paidan.setting (name, value) VALUES ('clock_offset', (\(moment) - pg_catalog.now())::text)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }

    /// Stops the clock of every writer at a time, as `at` takes it.
    func stand(at time: String) async throws {
        let moment =
            time.hasSuffix("Z") ? "'\(time)'::timestamptz" : "('\(time)'::timestamp AT TIME ZONE 'Asia/Shanghai')"
        _ = try await pool.query(
            """
            CREATE OR REPLACE FUNCTION paidan.shifted_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
            AS $$ SELECT \(raw: moment) $$
            """)
    }

    func set(_ name: String, _ value: String) async throws {
        _ = try await pool.query("UPDATE paidan.setting SET value = \(value) WHERE name = \(name)")
    }

    func newJobID() -> String {
        jobs.withLock {
            $0 += 1
            return "sweep-\($0)"
        }
    }

    // MARK: rows

    func sellers(_ ids: Int...) async throws {
        try await service { tx in
            _ = try tx.query(
                """
                INSERT INTO crm_userinfo (id, name, username, depart_id)
                SELECT id, '销售' || id, 'u' || id, 1001 FROM unnest(\(ids)::bigint[]) id ON CONFLICT DO NOTHING
                """)
        }
    }

    /// Private customers of a seller, whose clocks have run since those days.
    ///
    /// - Returns: ids in order.
    @discardableResult
    func customers(
        _ count: Int = 1, of seller: Int = 1, received: String, followed: String? = nil, protected: String? = nil
    ) async throws -> [Int] {
        try await sellers(seller)
        return try await service { tx in
            let ids = try tx.query(
                """
                INSERT INTO crm_customer (qq, name, consultant_id, recv_date, last_consult_date, protected_until)
                SELECT (100000 + nextval('paidan.test_qq'))::text, '客' || n, \(seller)::bigint, \(received)::date,
                    \(followed ?? received)::date, \(protected)::date
                FROM generate_series(1, \(count)::int) n RETURNING id
                """
            ).map { try $0.int(0) }
            _ = try tx.query(
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin)
                SELECT \(seller)::bigint, id, least(\(received)::date, \(followed ?? received)::date), 1, 'manual'
                FROM unnest(\(ids)::bigint[]) id
                """)
            return ids
        }
    }

    func service<R: Sendable>(_ body: @escaping @Sendable (inout Transaction) throws -> R) async throws -> R {
        try await pool.transaction { tx in
            Author.set("test", in: &tx)
            return try body(&tx)
        }
    }

    /// A note as a page of the CRM writes it.
    func note(_ customer: Int, by seller: Int) async throws {
        _ = try await pool.query(
            """
            INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
            VALUES (\(customer)::bigint, \(seller)::bigint, '聊过')
            """)
    }

    // MARK: work

    func job(
        batch: Int = 500, most: Int = SweepJob.most, afterBatch: @escaping @Sendable () async throws -> Void = {}
    ) -> SweepJob {
        SweepJob(pool: pool, publisher: EventTable(), batch: batch, most: most, afterBatch: afterBatch)
    }

    static let context = JobContext.detached(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    /// Runs one sweep.
    ///
    /// - Returns: its result, or `dead CODE`.
    @discardableResult
    func sweep(
        _ arguments: SweepArguments = SweepArguments(), _ job: SweepJob? = nil, id: String? = nil
    ) async throws -> String {
        Self.text(try await (job ?? self.job()).run(job: id ?? newJobID(), arguments, Self.context))
    }

    func remind(_ arguments: RemindArguments = RemindArguments(), id: String? = nil) async throws -> String {
        Self.text(
            try await RemindJob(pool: pool, publisher: EventTable()).run(job: id ?? newJobID(), arguments))
    }

    static func text(_ outcome: Outcome) -> String {
        switch outcome {
        case .done(let result): String(decoding: result ?? [], as: UTF8.self)
        case .dead(let code, _): "dead \(code)"
        case .retry(_, let code, _): "retry \(code)"
        case .snooze: "snooze"
        }
    }

    // MARK: looking

    /// `user:status:ended_on` of each distribution and the pool state, `1:3:2018-05-23 | public 2018-05-23`.
    func story(_ customer: Int) async throws -> String { try await pool.query(Self.story(customer))[0].text(0) }

    static func story(_ customer: Int) -> SQL {
        """
        SELECT (SELECT string_agg(user_id || ':' || status || coalesce(':' || ended_on, ''), ' ' ORDER BY id)
                FROM crm_customerdistribution WHERE customer_id = c.id) || ' | ' || pool_state
            || coalesce(' ' || pool_since, '')
        FROM crm_customer c WHERE id = \(customer)::bigint
        """
    }

    /// The events of a type, each `subject count follow/deal names`, oldest first.
    func events(_ type: String) async throws -> [String] {
        try await pool.query(
            """
            SELECT concat_ws(' ', subject, payload ->> 'count', (payload ->> 'follow') || '/' || (payload ->> 'deal'),
                (SELECT string_agg(coalesce(n ->> 'name', '') , ',') FROM jsonb_array_elements(
                    coalesce(payload -> 'customers', payload -> 'sellers')) n))
            FROM paidan.event WHERE type = \(type) ORDER BY id
            """
        ).map { try $0.text(0) }
    }

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].int(0) }

    func text(_ sql: SQL) async throws -> String? { try await pool.query(sql).first?.optionalText(0) }
}

/// Waits until something is so, 20 s at most.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw LabError(message: "still not so after 20 s: \(what)")
}
