import CRM
import Channels
import Curl
import Logging
import Observability
import OwnerThread

/// Settings that change while the service runs.
final class LiveSettings: Sendable {
    private struct State {
        var level: Logger.Level
        var channels: [String: any Channel] = [:]
        var routes = NotificationRoutes([:])
        /// Of the secrets that came with a reload.
        var redactor = Redactor([])
    }

    let troubles = TroubleFilter()
    private let state: Lock<State>

    init(level: Logger.Level) { state = Lock(State(level: level)) }

    var level: Logger.Level { state.withLock { $0.level } }
    var channels: [String: any Channel] { state.withLock { $0.channels } }
    var routes: NotificationRoutes { state.withLock { $0.routes } }

    func redact(_ text: String) -> String { state.withLock { $0.redactor }.redact(text) }

    /// Takes over what can be: log level, channels and notifications.
    func take(_ conf: JobsConf, _ curl: CurlClient) {
        let channels = conf.connectedChannels(curl)
        state.withLock { state in
            state.level = conf.log.level
            state.channels = channels
            state.routes = conf.routes
            state.redactor = Redactor(conf.secrets)
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
