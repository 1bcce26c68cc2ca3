public import Logging
internal import OwnerThread
public import ServiceLifecycle

/// Claims jobs, runs their handlers and acknowledges them, until it is told to stop.
///
/// Graceful shutdown: no more claims, what is in hand may finish within `drain`, the rest goes back to the front of its
/// queue with the attempt not spent. Cancellation ends at once; leases do the rest.
public final class WorkerPool: Service {
    enum Event: Sendable {
        case opened(Int)
        case openFailed(Int)
        case replied(queue: Int, session: Int, Lane, take: Int, ExchangeReply)
        case exchangeFailed(queue: Int, session: Int, take: Int, [Settlement], sessionLost: Bool)
        case peeked(queue: Int, found: Bool?)
        case finished(run: Int, HandlerRunner.Result)
        case beaten(session: Int, at: ContinuousClock.Instant)
        case sessionLost(Int)
        case beatFailed(session: Int)
        case cancelled(ids: [String])
        case wake
        case pulse
        case stop
    }

    let store: any JobStore
    let kinds: KindRegistry
    let configuration: WorkerConfiguration
    let logger: Logger
    let runner: HandlerRunner
    let metrics: JobMetrics
    let board = ProgressBoard()
    private let counts = Lock((running: 0, stuck: 0))

    /// - Parameters:
    ///   - isInfrastructure: tells which errors of handlers are nobody's fault (PostgreSQL away …): they spend no
    ///     attempt, and claims pause with back-off.
    /// - Throws: ``ConfigurationError`` for a setting out of bounds.
    public init(
        store: any JobStore, kinds: KindRegistry, configuration: WorkerConfiguration, logger: Logger,
        isInfrastructure: @escaping @Sendable (any Error) -> Bool = { _ in false }
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.store = store
        self.kinds = kinds
        self.configuration = configuration
        self.logger = logger
        metrics = JobMetrics(kinds)
        runner = HandlerRunner(
            snooze: configuration.snooze,
            isInfrastructure: { error in
                if let error = error as? StoreError { return error.isInfrastructure }
                return isInfrastructure(error)
            }, metrics: metrics)
    }

    /// Jobs in hand now.
    public var running: Int { counts.withLock { $0.running } }

    func note(running: Int) { counts.withLock { $0.running = running } }
    func note(stuck: Int) { counts.withLock { $0.stuck = stuck } }

    public func run() async throws {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await Self.pulse(sink) }
                var life = WorkerLife(pool: self, sink: sink)
                life.start(&group)
                for await event in events {
                    life.handle(event, &group)
                    if life.hasEnded { break }
                }
                life.end()
                if !Task.isCancelled { await leave(life.session) }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            sink.yield(.stop)
        }
    }

    /// Looks at deadlines, beats and progress four times a second.
    private static func pulse(_ sink: AsyncStream<Event>.Continuation) async {
        while true {
            do { try await Task.sleep(for: .milliseconds(250)) } catch { return }
            sink.yield(.pulse)
        }
    }

    /// Hands back what is left and takes this process off the list.
    private func leave(_ session: String?) async {
        do {
            if let session {
                let returned = try await store.release(session: session)
                if returned > 0 { logger.notice("jobs given back", metadata: ["jobs": "\(returned)"]) }
            }
            try await store.unregister(process: configuration.worker.process)
        } catch {
            logger.warning("could not sign off: leases will end by themselves", metadata: ["error": "\(error)"])
        }
    }

    func sessionName(_ number: Int) -> String { "\(configuration.worker.process).\(number)" }

    var info: WorkerInfo {
        var worker = configuration.worker
        let now = counts.withLock { $0 }
        worker.running = now.running
        worker.stuck = now.stuck
        worker.queues = configuration.weights.map(\.queue)
        return worker
    }
}
