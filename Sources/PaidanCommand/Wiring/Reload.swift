import Jobs
import Logging
import ServiceLifecycle

/// Reads jobs.conf again when it is asked to (SIGHUP).
struct Reload: Service {
    let requests: AsyncStream<Void>
    let read: @Sendable () throws -> ConfText
    let composition: Composition
    /// `nil` without the role worker.
    let workers: WorkerPool?
    let supervisor: Supervisor
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var running = composition.conf
            for await _ in requests {
                supervisor.tell(.reloading)
                await reload(&running)
                supervisor.tell(.ready)
            }
        }
    }

    private func reload(_ running: inout JobsConf) async {
        do {
            let text = try read()
            let conf = try JobsConf(text)
            let changes = ConfChanges(from: running, to: conf, started: composition.conf)
            let metadata: Logger.Metadata = [
                "changed": "\(Self.list(changes.applied))", "needs_restart": "\(Self.list(changes.waiting))",
            ]
            await warnOfJobs(in: Set(running.queues.map(\.name)).subtracting(conf.queues.map(\.name)))
            // By the level before or the one after it, whichever lets it through.
            let isHeard = logger.logLevel <= .notice
            composition.take(conf, workers)
            // A process for suspects must not work with stores or rules that this one does not work with.
            if changes.waiting.isEmpty { composition.live.text = text }
            running = conf
            if isHeard { logger.notice("configuration reloaded", metadata: metadata) }
            composition.live.level = conf.log.level
            if !isHeard { logger.notice("configuration reloaded", metadata: metadata) }
        } catch {
            logger.error("configuration is wrong; the running settings stay", metadata: ["problems": "\(error)"])
        }
    }

    private static func list(_ items: [String]) -> String {
        items.isEmpty ? "nothing" : items.joined(separator: ", ")
    }

    /// Jobs of a queue that is no longer named stay in Redis.
    private func warnOfJobs(in queues: Set<String>) async {
        guard !queues.isEmpty, let views = try? await composition.store.queues() else { return }
        for view in views where queues.contains(view.name) {
            let left = view.depth + view.delayed
            guard left > 0 else { continue }
            logger.warning(
                "a queue was removed that holds jobs: they wait in Redis until jobs.conf names it again",
                metadata: ["queue": "\(view.name)", "jobs": "\(left)"])
        }
    }
}
