import CRM
import Curl
import Foundation
import Jobs
import JobsPostgres
import JobsRedis
import Observability
import Postgres
import Redis

/// Readiness, and what is measured at the moment somebody asks.
struct Health: Sendable {
    let composition: Composition
    let registry: PrometheusRegistry
    let loops: LoopWatch?

    /// Both stores are asked at the same time, and neither for long.
    func problems() async -> [(name: String, reason: String)] {
        async let redis = redisProblem()
        async let postgres = postgresProblem()
        return await [redis, postgres].compactMap { $0 }
    }

    private func redisProblem() async -> (name: String, reason: String)? {
        do {
            _ = try await composition.redis.send(RedisCommand("PING"), deadline: .seconds(2))
            return nil
        } catch {
            return ("redis", error.code == .server ? "refuses: \(error.prefix ?? "error")" : "does not answer")
        }
    }

    private func postgresProblem() async -> (name: String, reason: String)? {
        do {
            // In time also when the server is silent.
            _ = try await composition.pool.query("SELECT 1", deadline: .seconds(2))
            let states = try await Migrator(pool: composition.pool, migrations: Stores.migrations).status()
            let missing = states.first { $0.state != .applied && $0.state != .unknown }
            return missing.map { ("migrations", "\($0.name) is \($0.state)") }
        } catch {
            return ("postgresql", "does not answer")
        }
    }

    func metrics() async -> String {
        var samples: [MetricSample] = []
        if let queues = try? await composition.store.queues() {
            for queue in queues {
                let labels = [("queue", queue.name)]
                samples += [
                    MetricSample("paidan_queue_depth", Double(queue.depth), labels: labels),
                    MetricSample("paidan_queue_oldest_age_seconds", queue.oldestAge / .seconds(1), labels: labels),
                    MetricSample("paidan_queue_running", Double(queue.running), labels: labels),
                    MetricSample("paidan_queue_delayed", Double(queue.delayed), labels: labels),
                    MetricSample("paidan_queue_dead", Double(queue.dead), labels: labels),
                    MetricSample("paidan_queue_paused", queue.isPaused ? 1 : 0, labels: labels),
                ]
                if let census = try? await composition.store.census(queue.name) {
                    samples.append(
                        MetricSample("paidan_queue_census_difference", Double(census.difference), labels: labels))
                }
            }
        }
        if let lag = try? await outboxLag() { samples.append(MetricSample("paidan_outbox_lag_seconds", lag)) }
        samples += connections()
        samples += (loops?.lateness ?? []).map { loop, worst in
            MetricSample("paidan_event_loop_lateness_seconds", worst / .seconds(1), labels: [("loop", loop)])
        }
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
            MetricSample("paidan_redis_reconnects_total", Double(redis.reconnects), .counter),
            MetricSample("paidan_redis_errors_total", Double(redis.errors), .counter),
            MetricSample("paidan_postgres_inbox_depth", Double(postgres.depth)),
            MetricSample("paidan_postgres_busy_sessions", Double(postgres.busy)),
            MetricSample("paidan_postgres_connects_total", Double(postgres.connects), .counter),
            MetricSample("paidan_postgres_errors_total", Double(postgres.serverErrors), .counter),
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
