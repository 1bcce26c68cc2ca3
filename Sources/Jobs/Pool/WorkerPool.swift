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
        case cancelled([Cancellation])
        case wake
        case pulse(due: ContinuousClock.Instant)
        /// The weights are other ones.
        case reweigh
        case extended(session: Int, isDone: Bool)
        case quiet(Bool)
        case stop(drain: Duration)
    }

    private struct State {
        var running = 0
        /// Of those running, how many ignore their cancellation.
        var stuck = 0
        var isQuiet = false
        /// Every queue that this pool has ever worked on, by number; without a weight it is no longer worked on.
        var queues: [(name: String, weight: Int?)]
        var lateness = Lateness(interval: WorkerPool.pulseInterval)
        /// Of the run under way.
        var sink: AsyncStream<Event>.Continuation?
        /// What it was told before it ran.
        var early: [Event] = []

        /// Names of the queues that are worked on.
        var worked: [String] { queues.filter { $0.weight != nil }.map(\.name) }
    }

    let store: any JobStore
    let kinds: KindRegistry
    let configuration: WorkerConfiguration
    let logger: Logger
    let runner: HandlerRunner
    let metrics: JobMetrics
    let board = ProgressBoard()
    private let lane: SuspectLane?
    private let state: Lock<State>
    static let pulseInterval = Duration.milliseconds(250)

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
        let state = Lock(State(queues: configuration.weights.map { (name: $0.queue, weight: $0.weight) }))
        self.state = state
        if case .elsewhere(let host) = configuration.suspects {
            lane = SuspectLane(
                store: store, host: host, queues: { state.withLock { $0.worked } }, logger: logger)
        } else {
            lane = nil
        }
        runner = HandlerRunner(
            snooze: configuration.snooze,
            isInfrastructure: { error in
                if let error = error as? StoreError { return error.isInfrastructure }
                return isInfrastructure(error)
            }, metrics: metrics)
    }

    /// Jobs in hand now.
    public var running: Int { state.withLock { $0.running } }

    func note(running: Int) { state.withLock { $0.running = running } }
    func note(stuck: Int) { state.withLock { $0.stuck = stuck } }

    /// The share of each queue from now on; queues may come and go. What is in hand of one that goes is settled.
    ///
    /// - Parameter weights: each 1 to 1,000; the store knows the queues.
    public func set(weights: [(queue: String, weight: Int)]) {
        state.withLock { state in
            for index in state.queues.indices { state.queues[index].weight = nil }
            for (queue, weight) in weights {
                if let index = state.queues.firstIndex(where: { $0.name == queue }) {
                    state.queues[index].weight = weight
                } else {
                    state.queues.append((queue, weight))
                }
            }
        }
        tell(.reweigh)
    }

    /// By number of the queue.
    var weights: [Int?] { state.withLock { $0.queues.map(\.weight) } }

    func queueName(_ number: Int) -> String { state.withLock { $0.queues[number].name } }

    func pulsed(due: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        state.withLock { $0.lateness.note(due: due, now: now) }
    }

    /// How late the loop is that decides everything here.
    public var lateness: Lateness { state.withLock { $0.lateness } }

    public var isQuiet: Bool { state.withLock { $0.isQuiet } }

    /// Claims no more and finishes what is in hand, until it is told to go on; it keeps its lease meanwhile.
    public func set(quiet isQuiet: Bool) {
        state.withLock { $0.isQuiet = isQuiet }
        lane?.set(quiet: isQuiet)
        tell(.quiet(isQuiet))
    }

    /// Stops like a graceful shutdown, with another drain time.
    public func stop(within drain: Duration) { tell(.stop(drain: drain)) }

    func tell(_ event: Event) {
        state.withLock { state in
            if let sink = state.sink { sink.yield(event) } else { state.early.append(event) }
        }
    }

    public func run() async throws {
        await withDiscardingTaskGroup { group in
            if let lane { group.addTask { await lane.run() } }
            group.addTask { await self.work() }
        }
    }

    private func work() async {
        let (events, sink) = AsyncStream.makeStream(of: Event.self)
        state.withLock { state in
            state.sink = sink
            for event in state.early { sink.yield(event) }
            state.early = []
        }
        let drain = configuration.drain
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
                state.withLock { $0.lateness.end() }
                if !Task.isCancelled { await leave(life.leaving) }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            sink.yield(.stop(drain: drain))
        }
    }

    /// Looks at deadlines, beats and progress four times a second.
    private static func pulse(_ sink: AsyncStream<Event>.Continuation) async {
        while true {
            let due = ContinuousClock.now + pulseInterval
            do { try await Task.sleep(until: due) } catch { return }
            sink.yield(.pulse(due: due))
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
        let now = state.withLock { $0 }
        worker.running = now.running
        worker.stuck = now.stuck
        worker.isQuiet = now.isQuiet
        worker.queues = now.worked
        return worker
    }
}

extension SuspectPolicy {
    var place: Dispatcher.Suspects {
        switch self {
        case .alone: .alone
        case .elsewhere: .elsewhere
        case .only: .only
        }
    }
}
