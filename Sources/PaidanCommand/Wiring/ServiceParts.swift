import API
import CRM
import Foundation
import Jobs
import JobsPostgres
import JobsRedis
import Logging
import Observability
import Postgres
import Redis
import ServiceLifecycle

/// The services of each role. They stop in the reverse of their order.
enum ServiceParts {
    static func worker(_ composition: Composition) throws -> [any Service] {
        let conf = composition.conf
        let logger = composition.logger("jobs")
        var configuration = WorkerConfiguration(worker: identity())
        configuration.concurrency = conf.worker.concurrency
        configuration.lease = conf.worker.lease
        configuration.drain = conf.worker.drain
        configuration.weights = conf.queues.map { ($0.name, $0.weight) }
        var retention = Jobs.Retention()
        retention.done = conf.retention.done
        retention.dead = conf.retention.dead
        return [
            Promoter(store: composition.store, logger: logger),
            Reaper(store: composition.store, lease: conf.worker.lease, kinds: composition.kinds, logger: logger),
            Pruner(store: composition.store, retention: retention, logger: logger),
            Relay(
                pool: composition.pool, conninfo: conf.postgres.conninfo, store: composition.store,
                kinds: composition.kinds, logger: logger),
            try WorkerPool(
                store: composition.store, kinds: composition.kinds, configuration: configuration, logger: logger,
                isInfrastructure: Failures.isInfrastructure),
        ]
    }

    static func scheduler(_ composition: Composition) -> [any Service] {
        let logger = composition.logger("scheduler")
        return [
            Scheduler(
                schedules: composition.conf.runnableSchedules(composition.kinds, logger),
                ledger: PostgresScheduleLedger(pool: composition.pool), now: { WallClock.milliseconds() },
                logger: logger),
            Reconciler(
                pool: composition.pool, door: composition.store, imports: composition.imports,
                hooks: composition.hooks, logger: logger),
            Housekeeper(
                pool: composition.pool, imports: composition.imports, receipts: composition.conf.retention.receipts,
                logger: logger),
        ]
    }

    /// - Parameter onReady: called with the port that was taken.
    static func api(
        _ composition: Composition, _ registry: PrometheusRegistry, _ logger: Logger,
        onReady: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) -> any Service {
        let conf = composition.conf
        let health = Health(composition: composition, registry: registry)
        return Server(
            host: conf.http.host, port: conf.http.port,
            dependencies: APIDependencies(
                jobs: composition.jobsAPI, imports: ImportsAPI(store: composition.imports, maxBody: conf.http.maxBody),
                customers: CustomersAPI(store: composition.customers), desk: composition.desk,
                access: composition.access,
                health: HealthChecks(problems: { await health.problems() }, metrics: { await health.metrics() }),
                failures: FailureJudge(judge: Failures.verdict), environment: composition.environment),
            logger: composition.logger("http"),
            onReady: { port in
                logger.info("listening", metadata: ["host": "\(conf.http.host)", "port": "\(port)"])
                await onReady(port)
            })
    }

    /// Unique to this start of the process: a number that the kernel gives again soon must not name two.
    private static func identity() -> WorkerInfo {
        let host = ProcessInfo.processInfo.hostName
        let pid = Int(ProcessInfo.processInfo.processIdentifier)
        let start = WallClock.milliseconds()
        return WorkerInfo(
            process: "\(host)-\(pid)-\(String(start, radix: 36))", host: host, pid: pid, version: Release.version,
            startedAt: start)
    }
}

extension JobsConf {
    /// The schedules whose kinds this version has; the others are named in the log and wait for a version that has them.
    func runnableSchedules(_ kinds: KindRegistry, _ logger: Logger) -> [Jobs.Schedule] {
        schedules.compactMap { entry in
            guard kinds[entry.kind] != nil else {
                logger.warning(
                    "schedule left out: this version does not have its kind",
                    metadata: ["schedule": "\(entry.name)", "kind": "\(entry.kind)"])
                return nil
            }
            guard let zone = ScheduleZone(entry.timezone) else { return nil }
            return try? Jobs.Schedule(
                name: entry.name, cron: entry.cron, zone: zone, kind: entry.kind, args: Array(entry.args.utf8),
                catchUp: entry.catchUp)
        }
    }
}
