import Foundation
import Jobs
import Logging
import NIOCore
import NIOPosix
import OwnerThread
import TestSupport
import Testing

@testable import PaidanCommand

/// What systemd hears (sd_notify(3)), over a real socket.
@Suite("Supervisor") struct SupervisorTests {
    private static let names = ["READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1"]

    /// First lines of what was received, without the status.
    private func heard(_ socket: DatagramSocket) -> [String] {
        socket.received().compactMap { $0.split(separator: "\n").first.map(String.init) }
            .filter { !$0.hasPrefix("STATUS=") }
    }

    @Test("ready, signs of life, a reload between its two ends, the stop", arguments: [false, true])
    func order(_ isAbstract: Bool) async throws {
        try await Installation.with { here in
            let path = isAbstract ? "@paidan-\(UInt64.random(in: 0...UInt64.max))" : here.folder + "/notify"
            let socket = try DatagramSocket(path)
            let served = try await Served.start(
                here, roles: "api,worker", environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"])
            try await eventually("two signs of life after the start") {
                let heard = heard(socket)
                guard let ready = heard.firstIndex(of: "READY=1") else { return false }
                return heard[ready...].filter { $0 == "WATCHDOG=1" }.count >= 2
            }
            served.send(SIGHUP)
            try await eventually("the reload is over") { heard(socket).filter { $0 == "READY=1" }.count == 2 }
            try await served.stop()
            let others = heard(socket).filter { $0 != "WATCHDOG=1" }
            #expect(others == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])
            let reload = socket.received().first { $0.hasPrefix("RELOADING=1") } ?? ""
            #expect(reload.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil, "\(reload)")
            #expect(socket.received().contains("STATUS=0 jobs in hand"))
            #expect(Set(heard(socket)).isSubset(of: Self.names))
        }
    }

    @Test("a process that stands still gives no sign of life; one that is not meant gives none at all")
    func frozen() async throws {
        try await Installation.with { here in
            let path = here.folder + "/notify"
            let socket = try DatagramSocket(path)
            let served = try await Served.start(
                here, roles: "worker", environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"])
            func signs() -> Int { heard(socket).filter { $0 == "WATCHDOG=1" }.count }
            try await eventually("it lives") { signs() >= 2 }
            served.send(SIGSTOP)
            try await Task.sleep(for: .milliseconds(200))
            let count = signs()
            try await Task.sleep(for: .milliseconds(800))
            #expect(signs() == count)
            served.send(SIGCONT)
            try await eventually("it lives again") { signs() > count }
            try await served.stop()
        }
        #expect(
            Supervisor.Terms(["NOTIFY_SOCKET": "/s", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "7"], pid: 8).watchdog == nil
        )
        let meant = Supervisor.Terms(["NOTIFY_SOCKET": "@s", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "8"], pid: 8)
        #expect(meant.watchdog == .microseconds(5) && meant.socket == "@s")
        #expect(Supervisor.Terms(["NOTIFY_SOCKET": "relative"], pid: 8).socket == nil)
    }

    @Test("a hung loop of the worker pool stops the signs of life", .timeLimit(.minutes(1)))
    func hungPool() async throws {
        let gate = Gate()
        let store = MemoryJobStore(queues: ["q"], now: { 0 })
        var configuration = WorkerConfiguration(
            worker: WorkerInfo(process: "p", host: "h", pid: 1, version: "1", startedAt: 0))
        configuration.weights = [("q", 1)]
        let pool = try WorkerPool(
            store: store, kinds: KindRegistry([.noop()]), configuration: configuration,
            logger: Logger(label: "pool") { _ in GateLogHandler(gate: gate, line: "quiet:") })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await watching(pool, group) { signs in
            try await eventually("it lives") { signs() >= 3 }
            // The loop writes this line, and waits until it is let go.
            pool.set(quiet: true)
            try await eventually("it hangs") { gate.isHolding }
            try await silent(signs)
            gate.open()
            let count = signs()
            try await eventually("it lives again") { signs() > count }
        }
        try await group.shutdownGracefully()
    }

    @Test("a hung event loop stops the signs of life")
    func hungLoop() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let gate = Gate()
        try await watching(nil, group) { signs in
            try await eventually("it lives") { signs() >= 3 }
            group.next().execute { gate.hold() }
            try await eventually("it hangs") { gate.isHolding }
            try await silent(signs)
            gate.open()
            let count = signs()
            try await eventually("it lives again") { signs() > count }
        }
        try await group.shutdownGracefully()
    }

    /// After a look that is allowed to be late, nothing for three intervals.
    private func silent(_ signs: () -> Int) async throws {
        try await Task.sleep(for: .milliseconds(1200))
        let count = signs()
        try await Task.sleep(for: .milliseconds(1200))
        #expect(signs() == count)
    }

    /// Runs a supervisor whose watchdog waits 800 ms, and what it watches.
    private func watching(
        _ pool: WorkerPool?, _ group: MultiThreadedEventLoopGroup, _ body: (() -> Int) async throws -> Void
    ) async throws {
        let path = PrivateServers.folder + "/notify-\(UInt32.random(in: 0...UInt32.max))"
        let socket = try DatagramSocket(path)
        let loops = LoopWatch(loops: group, workers: pool)
        var supervisor = Supervisor(
            logger: Logger(label: "supervisor") { _ in SwiftLogNoOpLogHandler() }, metadata: [:], isReadyAtOnce: true,
            status: { "well" }, isAlive: { loops.isAlive(within: $0) })
        supervisor.terms = Supervisor.Terms(["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "800000"], pid: 1)
        let watcher = supervisor
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            if let pool { tasks.addTask { try await pool.run() } }
            tasks.addTask { try await loops.run() }
            tasks.addTask { try await watcher.run() }
            try await body { heard(socket).filter { $0 == "WATCHDOG=1" }.count }
            tasks.cancelAll()
        }
    }
}

/// Where a thread waits until it is let go.
private final class Gate: Sendable {
    private let state = Lock((isHolding: false, isOpen: false))

    var isHolding: Bool { state.withLock { $0.isHolding } }
    func open() { state.withLock { $0.isOpen = true } }

    func hold() {
        state.withLock { $0.isHolding = true }
        while !state.withLock({ $0.isOpen }) { Thread.sleep(forTimeInterval: 0.01) }
        state.withLock { $0.isHolding = false }
    }
}

/// Holds up whoever writes a certain line.
private struct GateLogHandler: LogHandler {
    let gate: Gate
    let line: String
    var logLevel: Logger.Level = .trace
    var metadata: Logger.Metadata = [:]

    init(gate: Gate, line: String) {
        self.gate = gate
        self.line = line
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { if "\(event.message)".hasPrefix(line) { gate.hold() } }
}
