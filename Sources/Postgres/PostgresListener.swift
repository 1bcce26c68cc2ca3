internal import Glibc
internal import OwnerThread

/// Listens for notifications, on a connection and a thread of its own.
///
/// A notification is a hint to look: its payload is not kept, and several for one channel may come as one.
public final class PostgresListener: Sendable {
    /// Names of channels on which something happened; for one consumer.
    ///
    /// After each (re)connect every channel comes once, as something may have happened before.
    public let notifications: AsyncStream<String>
    private let signals: Signals
    private let wake: Wake

    /// - Parameter conninfo: as in ``PostgresConfiguration/conninfo``.
    public init(conninfo: String, channels: [String]) {
        let signals = Signals()
        let wake = Wake()
        self.signals = signals
        self.wake = wake
        notifications = AsyncStream(unfolding: { await signals.next() }, onCancel: { signals.finish() })
        var configuration = PostgresConfiguration(conninfo: conninfo)
        configuration.applicationName = "paidan listener"
        startThread(named: "pg-listen") { [configuration] in
            var listening = Listening(configuration: configuration, channels: channels, signals: signals, wake: wake)
            listening.run()
        }
    }

    deinit { close() }

    /// Ends the stream and the connection.
    public func close() {
        signals.finish()
        wake.close()
    }
}

/// The listener's thread.
private struct Listening: ~Copyable {
    private static let longestPause: Int32 = 1000

    let configuration: PostgresConfiguration
    let channels: [String]
    let signals: Signals
    let wake: Wake
    private var connection = Connection(gate: CancelGate(), preparedLimit: 4)
    private var pause: Int32 = 20

    init(configuration: PostgresConfiguration, channels: [String], signals: Signals, wake: Wake) {
        self.configuration = configuration
        self.channels = channels
        self.signals = signals
        self.wake = wake
    }

    mutating func run() {
        while !wake.isClosed {
            do throws(PostgresError) {
                try connection.open(configuration)
                for channel in channels {
                    try connection.command("LISTEN \"\(channel.replacing("\"", with: "\"\""))\"")
                }
                channels.forEach(signals.put)
                pause = 20
                while connection.waitForNotifications(wake.descriptor, signals.put), !wake.isClosed {}
            } catch { connection.close() }
            connection.close()
            if !wake.isClosed { backOff() }
        }
        wake.free()
    }

    private mutating func backOff() {
        var descriptor = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&descriptor, 1, Int32.random(in: pause / 2...pause))
        pause = min(pause * 2, Self.longestPause)
    }
}

/// A pipe that wakes a thread from `poll`: readable once closed.
private final class Wake: Sendable {
    private struct State {
        var writeEnd: Int32
        var isClosed = false
    }

    let descriptor: Int32
    private let state: Lock<State>

    init() {
        var ends: [Int32] = [-1, -1]
        let code = unsafe pipe(&ends)
        precondition(code == 0, "cannot make a pipe: error \(errno)")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        descriptor = ends[0]
        state = Lock(State(writeEnd: ends[1]))
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func close() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            Glibc.close(state.writeEnd)
        }
    }

    /// To be called by the thread when it does not poll any more.
    func free() { Glibc.close(descriptor) }
}
