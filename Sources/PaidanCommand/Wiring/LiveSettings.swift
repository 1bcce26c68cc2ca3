import CRM
import Channels
import Curl
import Jobs
import Logging
import Observability
import OwnerThread

/// Settings that change while the service runs.
final class LiveSettings: Sendable {
    private struct State {
        var level: Logger.Level
        var channels: [String: any Channel] = [:]
        var routes = NotificationRoutes([:])
        var queues: Set<String> = []
        var schedules: [Jobs.Schedule] = []
        var text = ConfText(name: "", text: "")
    }

    let troubles = TroubleFilter()
    private let state: Lock<State>

    init(level: Logger.Level) { state = Lock(State(level: level)) }

    var level: Logger.Level {
        get { state.withLock { $0.level } }
        set { state.withLock { $0.level = newValue } }
    }
    var channels: [String: any Channel] { state.withLock { $0.channels } }
    /// Names of the queues that there are.
    var queues: Set<String> { state.withLock { $0.queues } }
    /// Those that cannot run too.
    var schedules: [Jobs.Schedule] { state.withLock { $0.schedules } }
    var routes: NotificationRoutes { state.withLock { $0.routes } }

    /// The configuration that is in force, for processes that shall work with the same.
    var text: ConfText {
        get { state.withLock { $0.text } }
        set { state.withLock { $0.text = newValue } }
    }

    /// Takes over channels, notifications, schedules and the names of the queues.
    func take(_ conf: JobsConf, _ curl: CurlClient, _ clock: ServerClock) {
        let channels = conf.connectedChannels(curl, clock)
        state.withLock { state in
            state.channels = channels
            state.routes = conf.routes
            state.queues = Set(conf.queues.map(\.name))
            state.schedules = conf.allSchedules
        }
    }
}

/// A log handler whose level is the one set now.
struct LiveLogHandler: LogHandler {
    private var handler: LineLogHandler
    private let live: LiveSettings

    init(handler: LineLogHandler, live: LiveSettings) {
        self.handler = handler
        self.live = live
        self.handler.logLevel = .trace
    }

    var logLevel: Logger.Level {
        get { live.level }
        // One level for the whole process.
        set { _ = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        guard let trouble = event.metadata?["trouble"] ?? metadata["trouble"] else { return handler.log(event: event) }
        switch live.troubles.judge("\(handler.label) \(trouble) \(event.message)") {
        case .drop: return
        case .pass(leftOut: 0): handler.log(event: event)
        case .pass(let leftOut):
            var event = event
            event.metadata = (event.metadata ?? [:]).merging(["left_out": "\(leftOut)"]) { _, new in new }
            handler.log(event: event)
        }
    }
}
