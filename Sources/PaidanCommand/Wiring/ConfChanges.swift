import Jobs

/// What is different between two configurations, by keys of the file; no values that may be secret.
struct ConfChanges: Equatable {
    /// Takes effect in a running process.
    let applied: [String]
    /// Needs a restart.
    let waiting: [String]

    /// - Parameters:
    ///   - old: in force before.
    ///   - started: with which the process was started.
    init(from old: JobsConf, to new: JobsConf, started: JobsConf) {
        var applied: [String] = []
        if old.log.level != new.log.level { applied.append("log.level \(old.log.level) → \(new.log.level)") }
        applied += Self.queues(old, new)
        applied += Self.kinds(old, new)
        applied += Self.named(
            "schedules", old.schedules.map { ($0.name, $0) }, new.schedules.map { ($0.name, $0) })
        applied += Self.named("channels", old.channels.map { ($0.name, $0) }, new.channels.map { ($0.name, $0) })
        applied += Self.named(
            "notifications", old.notifications.map { ($0.key, $0.value) }, new.notifications.map { ($0.key, $0.value) })
        self.applied = applied
        waiting = new.tablesNeedingRestart(after: started)
    }

    private static func queues(_ old: JobsConf, _ new: JobsConf) -> [String] {
        let before = Dictionary(uniqueKeysWithValues: old.queues.map { ($0.name, $0.weight) })
        let after = Dictionary(uniqueKeysWithValues: new.queues.map { ($0.name, $0.weight) })
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            switch (before[name], after[name]) {
            case (nil, let weight?): "queues.\(name) added, weight \(weight)"
            case (_?, nil): "queues.\(name) removed"
            case (let old?, let new?) where old != new: "queues.\(name).weight \(old) → \(new)"
            default: nil
            }
        }
    }

    private static func kinds(_ old: JobsConf, _ new: JobsConf) -> [String] {
        Set(old.kinds.keys).union(new.kinds.keys).sorted().flatMap { name in
            let (before, after) = (old.kinds[name], new.kinds[name])
            var keys: [String] = []
            if before?.queue != after?.queue { keys.append("queue") }
            if before?.maxAttempts != after?.maxAttempts { keys.append("max_attempts") }
            if before?.timeout != after?.timeout { keys.append("timeout") }
            if before?.concurrency != after?.concurrency { keys.append("concurrency") }
            if before?.rate != after?.rate { keys.append("rate") }
            return keys.map { "kinds.\(name).\($0)" }
        }
    }

    private static func named(_ table: String, _ old: [(String, Any)], _ new: [(String, Any)]) -> [String] {
        // Only compared, never shown: a channel holds secrets.
        let before = Dictionary(uniqueKeysWithValues: old.map { ($0.0, String(reflecting: $0.1)) })
        let after = Dictionary(uniqueKeysWithValues: new.map { ($0.0, String(reflecting: $0.1)) })
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            switch (before[name], after[name]) {
            case (nil, _?): "\(table).\(name) added"
            case (_?, nil): "\(table).\(name) removed"
            case (let old?, let new?) where old != new: "\(table).\(name) changed"
            default: nil
            }
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
            ("retention", { $0.retention }),
            ("kinds (enabled)", { $0.switchedKinds }),
            ("assignment, expiry, pool, import", { $0.business }),
        ]
        return tables.filter { String(reflecting: $0.1(self)) != String(reflecting: $0.1(old)) }.map(\.0)
    }

    private var switchedKinds: [String] {
        kinds.sorted { $0.key < $1.key }.compactMap { name, entry in entry.enabled.map { "\(name) \($0)" } }
    }
}
