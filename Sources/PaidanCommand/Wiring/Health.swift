import CRM
import Curl
import Foundation
import Jobs
import JobsPostgres
import Observability
import Postgres
import Redis

/// Readiness, and what is measured at the moment somebody asks.
struct Health: Sendable {
    let composition: Composition
    let registry: PrometheusRegistry

    func problems() async -> [(name: String, reason: String)] {
        var problems: [(name: String, reason: String)] = []
        do {
            _ = try await composition.redis.send(RedisCommand("PING"), deadline: .seconds(2))
        } catch {
            problems.append(("redis", "does not answer"))
        }
        do {
            let states = try await Migrator(pool: composition.pool, migrations: Stores.migrations).status()
            let missing = states.filter { $0.state != .applied && $0.state != .unknown }
            if let first = missing.first { problems.append(("migrations", "\(first.name) is \(first.state)")) }
        } catch {
            problems.append(("postgresql", "does not answer"))
        }
        return problems
    }

    func metrics() async -> String {
        var samples: [MetricSample] = []
        if let queues = try? await composition.store.queues() {
            for queue in queues {
                let labels = [("queue", queue.name)]
                samples += [
                    MetricSample("paidan_queue_depth", labels: labels, Double(queue.depth)),
                    MetricSample("paidan_queue_oldest_age_seconds", labels: labels, queue.oldestAge / .seconds(1)),
                    MetricSample("paidan_queue_running", labels: labels, Double(queue.running)),
                    MetricSample("paidan_queue_delayed", labels: labels, Double(queue.delayed)),
                    MetricSample("paidan_queue_dead", labels: labels, Double(queue.dead)),
                    MetricSample("paidan_queue_paused", labels: labels, queue.isPaused ? 1 : 0),
                ]
                if let census = try? await composition.store.census(queue.name) {
                    samples.append(
                        MetricSample("paidan_queue_census_difference", labels: labels, Double(census.difference)))
                }
            }
        }
        if let lag = try? await outboxLag() { samples.append(MetricSample("paidan_outbox_lag_seconds", lag)) }
        samples += connections()
        if let memory = Self.residentBytes() { samples.append(MetricSample("paidan_process_resident_bytes", memory)) }
        return registry.exposition(collected: samples)
    }

    private func outboxLag() async throws -> Double {
        try await composition.pool.query(
            """
            SELECT coalesce(extract(epoch FROM now() - min(coalesce(run_at, created_at))), 0)::float8
            FROM paidan.outbox WHERE sent_at IS NULL AND coalesce(run_at, created_at) <= now()
            """, deadline: .seconds(2))[0].double(0)
    }

    private func connections() -> [MetricSample] {
        let redis = composition.redis.statistics
        let postgres = composition.pool.statistics
        return [
            MetricSample("paidan_redis_inbox_depth", Double(redis.depth)),
            MetricSample("paidan_redis_reconnects_total", .counter, Double(redis.reconnects)),
            MetricSample("paidan_redis_errors_total", .counter, Double(redis.errors)),
            MetricSample("paidan_postgres_inbox_depth", Double(postgres.depth)),
            MetricSample("paidan_postgres_busy_sessions", Double(postgres.busySessions)),
            MetricSample("paidan_postgres_reconnects_total", .counter, Double(postgres.reconnects)),
            MetricSample("paidan_postgres_errors_total", .counter, Double(postgres.errors)),
        ]
    }

    private static func residentBytes() -> Double? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = line.split(separator: " ").compactMap({ Double($0) }).first
        else { return nil }
        return kilobytes * 1024
    }
}
