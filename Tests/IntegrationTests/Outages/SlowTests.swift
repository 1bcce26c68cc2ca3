import CRM
import Foundation
import Jobs
import JobsRedis
import Postgres
import TestSupport
import Testing

@Suite("Both stores are slow")
struct SlowTests {
    /// Process ids of the server's sessions with one of these application names.
    private static func sessions(_ names: [String], _ world: World) async throws -> Set<Int> {
        let rows = try await world.pool.query(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = ANY(\(names)::text[])"
        )
        return Set(try rows.map { try $0.int(0) })
    }

    @Test("300 ms on every answer: slower, nothing lost, no lease and no connection lost")
    func slow() async throws {
        try await PrivatePostgres.with { server in
            try await World.with(postgres: server) { world in
                let redis = try FaultProxy(to: world.redis.socket)
                let postgres = try FaultProxy(to: server.socket)
                defer {
                    redis.stop()
                    postgres.stop()
                }
                let service = try await world.serve(environment: [
                    "PAIDAN_REDIS_URL": "redis://127.0.0.1:\(redis.port)",
                    "PAIDAN_POSTGRES_URL":
                        "host=127.0.0.1 port=\(postgres.port) user=postgres dbname=postgres sslmode=disable",
                ])
                _ = try await world.ask(service, "GET", "/v1/ranks")
                try await until("both listen", within: .seconds(10)) {
                    try await Self.sessions(["paidan listener"], world).count == 2
                }
                let before = try await Self.sessions(["paidan", "paidan listener"], world)
                redis.delay(.milliseconds(300))
                postgres.delay(.milliseconds(300))
                let accepted = redis.accepted
                let sheet = Sheet(rows: 40)
                let id = try await world.upload(sheet.csv, to: service)
                let ids = try await world.noops(500, "slow") + world.noops(20, "sleepy", args: "{\"sleep_ms\":2000}")
                try await world.checkDone(ids, within: .seconds(30))
                try await until("every customer has a seller", within: .seconds(75)) {
                    try await world.count(
                        "SELECT count(*) FROM crm_customer WHERE import_id = \(id) AND pool_state = 'private'")
                        == sheet.ok
                }
                let broken = try await world.pool.transaction { try Invariants.violations(in: &$0) }
                #expect(broken.isEmpty, "\(broken)")
                #expect(!service.process.log.contains("session lost"))
                #expect(redis.accepted <= accepted + 3, "\(redis.accepted - accepted) new connections to Redis")
                // None that was there was lost, and of the pool's four each was made once: the proxy cannot tell a
                // session from a request to cancel or a probe of the watch.
                let lost = try await before.subtracting(Self.sessions(["paidan", "paidan listener"], world))
                #expect(before.count >= 4 && lost.isEmpty, "\(lost.count) of \(before.count) sessions lost")
                redis.delay(.zero)
                postgres.delay(.zero)
                let metrics = try await world.ask(service, "GET", "/metrics").body
                let made = metrics.split(separator: "\n").first { $0.hasPrefix("paidan_postgres_connects_total ") }
                let count = try #require(
                    made?.split(separator: " ").last.flatMap { Double($0) }, "\(metrics.prefix(500))")
                #expect(count <= 4, "\(count) connections to PostgreSQL")
                #expect(service.process.end == nil)
            }
        }
    }
}
