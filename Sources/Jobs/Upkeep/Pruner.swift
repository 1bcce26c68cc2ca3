internal import AsyncAlgorithms
public import Logging
public import ServiceLifecycle

/// How long jobs that ended are kept.
public struct Retention: Sendable {
    /// Succeeded and cancelled jobs and their results. Default 24 h.
    public var done: Duration = .seconds(24 * 3600)
    /// Default 30 days.
    public var dead: Duration = .seconds(30 * 24 * 3600)

    public init() {}
}

/// Forgets jobs that ended long ago, in small steps.
public struct Pruner: Service {
    let store: any JobStore
    let retention: Retention
    let interval: Duration
    let logger: Logger

    public init(
        store: any JobStore, retention: Retention = Retention(), interval: Duration = .seconds(30), logger: Logger
    ) {
        self.store = store
        self.retention = retention
        self.interval = interval
        self.logger = logger
    }

    public func run() async throws {
        let every = AsyncTimerSequence(interval: interval, clock: .continuous).cancelOnGracefulShutdown()
        for await _ in every { await step() }
    }

    func step() async {
        do {
            while try await store.prune(done: retention.done, dead: retention.dead) > 0 {
                // Others shall get a turn between the steps.
                try await Task.sleep(for: .milliseconds(2))
            }
        } catch {
            logger.debug("pruner stopped", metadata: ["error": "\(error)"])
        }
    }
}
