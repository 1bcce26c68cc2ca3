import Jobs
import NIOCore
import OwnerThread
import ServiceLifecycle

/// Looks four times a second how late the timers of the event loops fire, and of the loop that hands out jobs.
final class LoopWatch: Service {
    private let loops: [any EventLoop]
    private let workers: WorkerPool?
    private let states: Lock<[Lateness]>
    private static let interval = Duration.milliseconds(250)

    /// - Parameter workers: `nil` without the role worker.
    init(loops: any EventLoopGroup, workers: WorkerPool?) {
        self.loops = loops.makeIterator().map { $0 }
        self.workers = workers
        states = Lock(self.loops.map { _ in Lateness(interval: Self.interval) })
    }

    func run() async throws {
        for index in loops.indices { watch(index) }
        try? await gracefulShutdown()
    }

    /// One timer after the other on the loop itself: one that hangs has none that fires.
    private func watch(_ index: Int) {
        let due = ContinuousClock.now + Self.interval
        loops[index].scheduleTask(in: .milliseconds(250)) { [weak self] in
            guard let self else { return }
            states.withLock { $0[index].note(due: due, now: .now) }
            watch(index)
        }
    }

    /// The worst of the last quarter of a minute, by name of the loop.
    var lateness: [(loop: String, worst: Duration)] {
        let now = ContinuousClock.now
        var worst = [(loop: "events", worst: states.withLock { $0.map { $0.worst(now) }.max() ?? .zero })]
        if let workers { worst.append(("worker", workers.lateness.worst(now))) }
        return worst
    }

    /// True if no loop is overdue by so much.
    func isAlive(within limit: Duration) -> Bool {
        let now = ContinuousClock.now
        let overdue = states.withLock { $0.map { $0.overdue(now) } } + [workers?.lateness.overdue(now) ?? .zero]
        return overdue.allSatisfy { $0 < limit }
    }
}
