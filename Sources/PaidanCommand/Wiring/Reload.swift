import Logging
import ServiceLifecycle
import UnixSignals

/// Reads jobs.conf again on SIGHUP.
struct Reload: Service {
    let load: @Sendable () throws -> JobsConf
    let composition: Composition
    let logger: Logger

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        await cancelWhenGracefulShutdown {
            for await _ in signals { reload() }
        }
    }

    private func reload() {
        do {
            let conf = try load()
            let waiting = conf.tablesNeedingRestart(after: composition.conf)
            let metadata: Logger.Metadata = [
                "needs_restart": "\(waiting.isEmpty ? "nothing" : waiting.joined(separator: ", "))"
            ]
            // By the level before or the one after it, whichever lets it through.
            let isHeard = logger.logLevel <= .notice
            if isHeard { logger.notice("configuration reloaded", metadata: metadata) }
            composition.live.take(conf, composition.curl, composition.clock)
            if !isHeard { logger.notice("configuration reloaded", metadata: metadata) }
        } catch {
            logger.error("configuration is wrong; the running settings stay", metadata: ["problems": "\(error)"])
        }
    }
}

extension JobsConf {
    /// Names of the tables that differ and that a running process cannot change.
    func tablesNeedingRestart(after old: JobsConf) -> [String] {
        let tables: [(String, (JobsConf) -> Any)] = [
            ("timezone", { $0.timezone }), ("log.format", { $0.log.format }),
            ("redis", { ($0.redis, $0.waitReplicas) }),
            ("postgres", { $0.postgres }), ("http", { $0.http }), ("worker", { $0.worker }),
            ("retention", { $0.retention }), ("queues", { $0.queues }),
            ("kinds", { $0.kinds.sorted { $0.key < $1.key } }), ("schedules", { $0.schedules }),
            ("assignment, expiry, pool, import", { $0.business }),
        ]
        return tables.filter { String(reflecting: $0.1(self)) != String(reflecting: $0.1(old)) }.map(\.0)
    }
}
