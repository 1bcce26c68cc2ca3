import CRM
import Foundation
import Jobs
import JobsRedis
import Postgres
import TestSupport
import Testing

@Suite("Both stores are slow")
struct SlowTests {
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
                redis.delay(.zero)
                postgres.delay(.zero)
                // Of its own four sessions each was made once. (The proxy sees requests to cancel, too.)
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
