internal import Logging
internal import OwnerThread
internal import ServiceLifecycle

/// Starts a process for each queue that holds suspects, and another when there is work again.
struct SuspectLane: Sendable {
    private struct State {
        var plan = SuspectPlan()
        var processes: [String: SuspectProcess] = [:]
    }

    let store: any JobStore
    let host: any SuspectHost
    /// The queues that this process works on now.
    let queues: @Sendable () -> [String]
    let logger: Logger
    let interval: Duration
    private let state = Lock(State())

    init(
        store: any JobStore, host: any SuspectHost, queues: @escaping @Sendable () -> [String],
        interval: Duration = .seconds(1), logger: Logger
    ) {
        self.store = store
        self.host = host
        self.queues = queues
        self.interval = interval
        self.logger = logger
    }

    /// Looks every second until the service stops, and returns when its processes have ended.
    func run() async {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while (try? await Task.sleep(for: interval)) != nil {
                    for queue in await due() { group.addTask { await work(queue) } }
                }
            }
        }
    }

    /// - Parameter isQuiet: nothing is started, and what runs claims no more.
    func set(quiet isQuiet: Bool) {
        let running = state.withLock { state in
            state.plan.isQuiet = isQuiet
            return Array(state.processes.values)
        }
        if isQuiet { for process in running { process.quiet() } }
    }

    private func due() async -> [String] {
        do {
            let mine = Set(queues())
            let views = try await store.queues().filter { mine.contains($0.name) }
            return state.withLock { $0.plan.starts(views, now: .now) }
        } catch {
            logger.debug("could not look for suspects", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func work(_ queue: String) async {
        var end: SuspectEnd?
        do {
            end = try await host.run(queue: queue) { started(queue, $0) }
        } catch {
            if Task.isCancelled {
                logger.debug("the process of the suspects was stopped", metadata: ["queue": "\(queue)"])
            } else {
                logger.error(
                    "suspects have no process", metadata: ["queue": "\(queue)", "error": "\(error)"])
            }
        }
        let ended = end
        let pid = state.withLock { state in
            state.plan.ended(queue, ended, now: .now)
            return state.processes.removeValue(forKey: queue)?.pid ?? 0
        }
        guard let ended else { return }
        var metadata: Logger.Metadata = ["queue": "\(queue)", "pid": "\(pid)"]
        switch ended {
        case .exited(let code): metadata["exit_code"] = "\(code)"
        case .signalled(let number): metadata["signal"] = "\(number)"
        }
        logger.log(
            level: ended == .exited(0) ? .notice : .error, "the process of the suspects has ended", metadata: metadata)
    }

    private func started(_ queue: String, _ process: SuspectProcess) {
        logger.notice(
            "suspects run in a process of their own", metadata: ["queue": "\(queue)", "pid": "\(process.pid)"])
        let isQuiet = state.withLock { state in
            state.processes[queue] = process
            return state.plan.isQuiet
        }
        if isQuiet { process.quiet() }
    }
}
