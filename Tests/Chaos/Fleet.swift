import OwnerThread
import TestSupport

/// Worker processes of the built program.
final class Fleet: Sendable {
    private let site: Site
    private let crew = Lock<[ChildProcess]>([])
    private let started = Lock(0)

    init(_ site: Site) { self.site = site }

    /// Starts a worker and waits until it works.
    ///
    /// - Parameter crashAt: the line at which it ends (or with `!stop` stops) itself; it is not one of the crew then.
    @discardableResult func start(crashAt: String? = nil) async throws -> ChildProcess {
        let number = started.withLock { started in
            started += 1
            return started
        }
        var environment = ["PAIDAN_CHAOS": site.journal]
        if site.plan.control != .none { environment["PAIDAN_CONTROL"] = site.plan.control.rawValue }
        if let crashAt { environment["PAIDAN_CRASH_AT"] = crashAt }
        let worker = try await ChildProcess.start(
            site.program, ["serve", "--roles", "worker,scheduler", "--config", site.configuration],
            environment: environment, log: site.folder + "/worker\(number)")
        try await until("worker \(number) works", within: .seconds(60)) {
            // One that is to crash may be quicker than this look.
            if let end = worker.end {
                if crashAt != nil, end == .signalled(ChildProcess.kill) { return true }
                throw ChaosError("worker \(number) ended at its start: \(end)\n\(worker.log)")
            }
            return worker.log.contains("\"started\"")
        }
        if crashAt == nil { crew.withLock { $0.append(worker) } }
        return worker
    }

    /// One of the crew, and how many there are.
    func anyone(using random: inout some RandomNumberGenerator) throws -> ChildProcess {
        guard let worker = crew.withLock({ $0 }).randomElement(using: &random) else { throw ChaosError("no worker") }
        return worker
    }

    /// Ends a process as a crash does, and sees it dead.
    func kill(_ worker: ChildProcess) async throws {
        worker.signal(ChildProcess.kill)
        guard try await worker.finish() == .signalled(ChildProcess.kill) else {
            throw ChaosError("the killed worker \(worker.pid) ended otherwise: \(worker.log.suffix(500))")
        }
        crew.withLock { $0.removeAll { $0 === worker } }
    }

    /// The last lines of each, for whoever looks at a failure.
    var logs: String {
        crew.withLock { $0 }.map { worker in
            let lines = worker.log.split(separator: "\n").suffix(25).joined(separator: "\n")
            return "worker \(worker.pid)\(worker.isFrozen ? ", frozen" : ""):\n\(lines)"
        }.joined(separator: "\n")
    }

    /// Nobody of the crew may end by himself.
    func check() throws {
        for worker in crew.withLock({ $0 }) {
            if let end = worker.end {
                throw ChaosError("worker \(worker.pid) ended by itself: \(end)\n\(worker.log.suffix(2000))")
            }
        }
    }

    /// Ends all as an operator does.
    func stop() async throws {
        let all = crew.withLock { crew in
            defer { crew = [] }
            return crew
        }
        for worker in all { worker.signal(ChildProcess.terminate) }
        for worker in all {
            guard try await worker.finish() == .exited(0) else {
                throw ChaosError("worker \(worker.pid) did not stop cleanly: \(worker.log.suffix(2000))")
            }
        }
    }
}
