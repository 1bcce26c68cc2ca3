import Postgres
import TestSupport
import Testing

@testable import CRM

/// Holds up transactions before their commit.
struct Gate: Sendable {
    fileprivate static let key = 4242
    /// Its one session holds the lock.
    let keeper: PostgresPool
    let watcher: PostgresPool

    /// Until so many sessions wait for a lock, or fewer because one went on that should have waited: 3 s at most.
    func waiting(_ sessions: Int) async throws {
        let end = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < end {
            let waiting = try await watcher.query(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """)[0].int(0)
            if waiting >= sessions { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func open() async throws { _ = try await keeper.query("SELECT pg_advisory_unlock(\(Self.key)::bigint)") }
}

extension AssignmentLab {
    /// Runs `body` with a gate that is closed at first.
    func gated(_ body: (Gate) async throws -> Void) async throws {
        let database = try await pool.query("SELECT current_database()")[0].text(0)
        let conninfo = try await PrivateServers.postgres.value + " dbname=" + database
        try await PostgresPool.with(conninfo, sessions: 1) { keeper in
            _ = try await keeper.query("SELECT pg_advisory_lock(\(Gate.key)::bigint)")
            try await body(Gate(keeper: keeper, watcher: workers))
        }
    }

    static func passGate(in tx: inout Transaction) throws {
        _ = try tx.query("SELECT pg_advisory_xact_lock(\(Gate.key)::bigint)")
    }
}
