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
    /// - Parameters:
    ///   - suspects: where jobs run that were in flight in two crashes.
    ///   - label: of its lines in the log.
    static func pool(
        _ composition: Composition, suspects: SuspectPolicy, label: String = "jobs",
        adjusting adjust: (inout WorkerConfiguration) -> Void = { _ in }
    ) throws -> WorkerPool {
        let conf = composition.conf
        var configuration = WorkerConfiguration(worker: identity())
        configuration.concurrency = conf.worker.concurrency
        configuration.lease = conf.worker.lease
        configuration.drain = conf.worker.drain
        configuration.weights = conf.queues.map { ($0.name, $0.weight) }
        configuration.suspects = suspects
        adjust(&configuration)
        return try WorkerPool(
            store: composition.store, kinds: composition.kinds, configuration: configuration,
            logger: composition.logger(label), isInfrastructure: Failures.isInfrastructure)
    }

    /// - Parameter workers: `nil` makes a pool that starts no other processes.
    static func worker(_ composition: Composition, _ workers: WorkerPool? = nil) throws -> [any Service] {
        let conf = composition.conf
        let logger = composition.logger("jobs")
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
            SearchIndexer(pool: composition.pool, logger: logger),
            try workers ?? pool(composition, suspects: .alone),
        ]
    }

    static func scheduler(_ composition: Composition) -> [any Service] {
        let logger = composition.logger("scheduler")
        composition.conf.warnOfSchedules(composition.kinds, logger)
        // A session of its own: a fire must not wait for an import's transaction.
        var postgres = composition.postgresSettings
        postgres.sessions = 1
        return [
            Scheduler(
                schedules: composition.schedules, ledger: PostgresScheduleLedger(pool: PostgresPool(postgres)),
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
        _ composition: Composition, _ registry: PrometheusRegistry, _ logger: Logger, loops: LoopWatch? = nil,
        onReady: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) -> any Service {
        let conf = composition.conf
        let health = Health(composition: composition, registry: registry, loops: loops)
        return Server(
            host: conf.http.host, port: conf.http.port,
            dependencies: APIDependencies(
                jobs: composition.jobsAPI, schedules: composition.schedulesAPI,
                imports: ImportsAPI(store: composition.imports, maxBody: conf.http.maxBody),
                customers: CustomersAPI(store: composition.customers), ownership: composition.ownership,
                desk: composition.desk, sweeps: composition.sweepsAPI,
                access: composition.access,
                health: HealthChecks(problems: { await health.problems() }, metrics: { await health.metrics() }),
                failures: FailureJudge(judge: Failures.verdict), environment: composition.environment),
            logger: composition.logger("http"),
            onReady: { port in
                logger.info("listening", metadata: ["host": "\(conf.http.host)", "port": "\(port)"])
                await onReady(port)
            })
    }

    /// Unique to this start of the process: two containers may have the same host name and number, and a clock that was
    /// set back would give the same time twice.
    private static func identity() -> WorkerInfo {
        let host = ProcessInfo.processInfo.hostName
        let pid = Int(ProcessInfo.processInfo.processIdentifier)
        return WorkerInfo(
            process: "\(host)-\(pid)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))", host: host, pid: pid,
            version: Release.version, startedAt: WallClock.milliseconds())
    }
}
