internal import Metrics
internal import OwnerThread

/// Names of the engine's metrics. Labels: `kind`; nothing of one job.
public enum JobMetricName {
    /// Taken in by this process; what other programs push is not counted.
    public static let enqueued = "paidan_jobs_enqueued_total"
    public static let succeeded = "paidan_jobs_succeeded_total"
    /// Runs that failed, whether the job is retried or dead.
    public static let failed = "paidan_jobs_failed_total"
    public static let retried = "paidan_jobs_retried_total"
    public static let dead = "paidan_jobs_dead_total"
    public static let snoozed = "paidan_jobs_snoozed_total"
    public static let poison = "paidan_jobs_poison_total"
    /// Handlers that went on after their timeout or cancellation.
    public static let stuck = "paidan_jobs_stuck_total"
    public static let lostLeases = "paidan_lost_leases_total"
    /// From queued to the start of the handler.
    public static let queueTime = "paidan_job_queue_seconds"
    public static let runTime = "paidan_job_run_seconds"
    public static let runningJobs = "paidan_worker_running_jobs"
}

/// The engine's metrics, made once for each kind.
final class JobMetrics: Sendable {
    private struct OfKind: Sendable {
        let succeeded: Counter
        let failed: Counter
        let retried: Counter
        let dead: Counter
        let snoozed: Counter
        let poison: Counter
        let stuck: Counter
        let queueTime: Timer
        let runTime: Timer

        init(_ kind: String) {
            let labels = [("kind", kind)]
            succeeded = Counter(label: JobMetricName.succeeded, dimensions: labels)
            failed = Counter(label: JobMetricName.failed, dimensions: labels)
            retried = Counter(label: JobMetricName.retried, dimensions: labels)
            dead = Counter(label: JobMetricName.dead, dimensions: labels)
            snoozed = Counter(label: JobMetricName.snoozed, dimensions: labels)
            poison = Counter(label: JobMetricName.poison, dimensions: labels)
            stuck = Counter(label: JobMetricName.stuck, dimensions: labels)
            queueTime = Timer(label: JobMetricName.queueTime, dimensions: labels)
            runTime = Timer(label: JobMetricName.runTime, dimensions: labels)
        }
    }

    private let kinds: [String: OfKind]
    private let other = OfKind("other")
    private let lostLeases = Counter(label: JobMetricName.lostLeases)
    private let runningJobs = Gauge(label: JobMetricName.runningJobs)

    init(_ kinds: KindRegistry) {
        self.kinds = Dictionary(uniqueKeysWithValues: kinds.all.map { ($0.name, OfKind($0.name)) })
    }

    private func of(_ kind: String) -> OfKind { kinds[kind] ?? other }

    func claimed(_ kind: String, _ claims: [Claim]) {
        let timer = of(kind).queueTime
        for claim in claims { timer.recordMilliseconds(max(0, claim.claimedAt - claim.queuedAt)) }
    }

    /// - Parameter took: of a batch, for all together; each job is charged its part.
    func ran(_ kind: String, _ settlements: [Settlement], took: Duration) {
        let kind = of(kind)
        let nanoseconds = took.components.seconds * 1_000_000_000 + took.components.attoseconds / 1_000_000_000
        let share = nanoseconds / Int64(max(1, settlements.count))
        var succeeded = 0
        for settlement in settlements {
            kind.runTime.recordNanoseconds(share)
            switch settlement.change {
            case .done: succeeded += 1
            case .retry:
                kind.failed.increment()
                kind.retried.increment()
            case .dead:
                kind.failed.increment()
                kind.dead.increment()
            case .snooze: kind.snoozed.increment()
            case .release: break
            }
        }
        if succeeded > 0 { kind.succeeded.increment(by: succeeded) }
    }

    func lost(_ leases: Int) { lostLeases.increment(by: leases) }
    func running(_ jobs: Int) { runningJobs.record(jobs) }
    func stuck(_ kind: String) { of(kind).stuck.increment() }
    func poisoned(_ kind: String) {
        of(kind).poison.increment()
        of(kind).dead.increment()
    }
}

/// Counts the jobs that a store takes in, by kind.
public final class EnqueueCounters: Sendable {
    /// Names may come from outside: beyond so many they count as `other`.
    private static let most = 100
    private let counters = Lock([String: Counter]())

    public init() {}

    public func count(_ kinds: [String]) {
        if kinds.isEmpty { return }
        for (kind, jobs) in Dictionary(grouping: kinds, by: { $0 }) {
            counters.withLock { counters in
                let name = counters[kind] != nil || counters.count < Self.most ? kind : "other"
                let counter = counters[name] ?? Counter(label: JobMetricName.enqueued, dimensions: [("kind", name)])
                counters[name] = counter
                return counter
            }.increment(by: jobs.count)
        }
    }
}
