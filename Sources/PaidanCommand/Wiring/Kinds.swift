import CRM
import Channels
import Jobs
import Logging
import Postgres

/// Every kind of job that this program knows. A new kind is one line here.
enum Kinds {
    /// As they are without jobs.conf's overrides.
    static func all(
        conf: JobsConf, pool: PostgresPool, store: any JobStore, list: any SellerList, desk: AssignmentDesk,
        imports: ImportStore, hooks: AssignmentHooks, publisher: any EventPublisher,
        channels: @escaping @Sendable () -> [String: any Channel],
        logger: Logger, extra: [Kind] = []
    ) -> [Kind] {
        let settings = conf.assignmentSettings
        let strategy = settings.strategy
        var kinds = [
            ImportJob(store: imports, forecast: AssignmentPreview(pool: pool, strategy: { strategy })).kind,
            UndoJob(store: imports, slotsFreed: { try await desk.reloadList() }).kind,
            AssignmentJob(pool: pool, list: list, settings: { settings }, hooks: hooks, logger: logger).kind,
            OffboardJob(pool: pool, list: list, hooks: hooks).kind,
            SweepJob(pool: pool, publisher: publisher).kind, RemindJob(pool: pool, publisher: publisher).kind,
            NotifyJob(pool: pool, channels: channels, publicURL: conf.http.publicURL, logger: logger).kind,
            Reconciler(pool: pool, door: store, imports: imports, hooks: hooks, logger: logger).kind,
        ]
        if conf.kinds["noop"]?.enabled == true {
            kinds.append(.noop())
            #if DEBUG
            kinds.append(CrashKind.kind)
            #endif
        }
        kinds += extra
        return kinds.filter { conf.kinds[$0.name]?.enabled != false }
    }
}

extension JobsConf {
    /// The kinds with what this file says of their queue, attempts and time.
    func overriding(_ kinds: [Kind]) -> [Kind] {
        kinds.map { kind in
            var kind = kind
            let override = self.kinds[kind.name]
            if let queue = override?.queue { kind.queue = queue }
            if let attempts = override?.maxAttempts { kind.maxAttempts = attempts }
            if let timeout = override?.timeout { kind.timeout = timeout }
            kind.concurrency = override?.concurrency ?? kind.concurrency
            kind.rate = override?.rate ?? kind.rate
            return kind
        }
    }

    var assignmentSettings: AssignmentSettings {
        AssignmentSettings(strategy: AssignmentStrategy(rawValue: business.strategy.rawValue) ?? .laps)
    }
}
