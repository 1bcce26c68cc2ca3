internal import AsyncAlgorithms
public import Logging
public import ServiceLifecycle

/// Takes back what lost sessions had in flight: looks every second.
public struct Reaper: Service {
    let store: any JobStore
    let lease: Duration
    let interval: Duration
    let logger: Logger
    private let metrics: JobMetrics

    /// - Parameter lease: the workers'.
    public init(
        store: any JobStore, lease: Duration, kinds: KindRegistry = KindRegistry([]), interval: Duration = .seconds(1),
        logger: Logger
    ) {
        self.store = store
        self.lease = lease
        self.interval = interval
        self.logger = logger
        metrics = JobMetrics(kinds)
    }

    public func run() async throws {
        let every = AsyncTimerSequence(interval: interval, clock: .continuous).cancelOnGracefulShutdown()
        for await _ in every { await step() }
    }

    func step() async {
        do {
            var hasMore = true
            while hasMore, !Task.isCancelled {
                let report = try await store.reap(lease: lease)
                hasMore = report.hasMore
                if report.sessions > 0 || report.returned > 0 {
                    logger.notice(
                        "lost sessions taken back",
                        metadata: ["sessions": "\(report.sessions)", "jobs": "\(report.returned)"])
                    metrics.lost(report.sessions)
                }
                for (id, kind) in report.poisoned {
                    metrics.poisoned(kind)
                    logger.error("job is dead: poison", metadata: ["job.id": "\(id)", "job.kind": "\(kind)"])
                }
            }
        } catch {
            logger.debug("reaper could not look", metadata: ["error": "\(error)"])
        }
    }
}
