import Glibc
import Jobs
import Logging
import OwnerThread
import ServiceLifecycle

/// What the signals do to a running service.
struct ServeSignals {
    let logger: Logger
    /// `nil` without the role worker.
    let workers: WorkerPool?
    let reload: @Sendable () -> Void
    /// Called when the stop begins.
    let stopping: @Sendable () -> Void

    /// Runs the group until it ends, and tells it to stop when a signal says so.
    func heard(stopping group: ServiceGroup) async throws {
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let isStopping = Lock(false)
        let (logger, workers, reload, stopping) = (logger, workers, reload, stopping)
        let watch = await SignalWatch([SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT]) { signal in
            switch signal {
            case SIGHUP: reload()
            case SIGTSTP, SIGCONT:
                if let workers {
                    workers.set(quiet: signal == SIGTSTP)
                } else if signal == SIGTSTP {
                    logger.notice("quiet: this process claims nothing anyway, it has no role worker")
                }
            default:
                let isSecond = isStopping.withLock { isStopping in
                    defer { isStopping = true }
                    return isStopping
                }
                if isSecond {
                    // Nobody waits for anything: jobs in hand go back when the lease ends.
                    logger.critical("ended at once by a second signal; leases give back what was in hand")
                    _exit(1)
                }
                stopping()
                stop.yield()
            }
        }
        defer { watch.close() }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { for await _ in stops { await group.triggerGracefulShutdown() } }
            defer { tasks.cancelAll() }
            do {
                try await group.run()
            } catch let error as ServiceGroupError where error.errorCode == .alreadyFinished {
                // A signal came before it ran: nothing was begun.
            } catch is CancellationError where isStopping.withLock({ $0 }) {
                logger.warning("the stop took too long: requests still open were cut off")
            }
        }
    }
}
