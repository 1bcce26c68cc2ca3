import Foundation
import Logging
import NIOCore
import OwnerThread
import ServiceLifecycle

/// Tells systemd how the service is, as `Type=notify` asks for (sd_notify(3)); says nothing if somebody else started it.
struct Supervisor: Service {
    enum Notice {
        case ready, reloading, stopping, watchdog
        case status(String)

        /// One assignment a line.
        var text: String {
            switch self {
            case .ready: "READY=1"
            case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1000)"
            case .stopping: "STOPPING=1"
            case .watchdog: "WATCHDOG=1"
            case .status(let text): "STATUS=\(text)"
            }
        }
    }

    /// What systemd said when it started this process.
    struct Terms: Sendable, Equatable {
        /// Path of its socket, `@` in front for an abstract name.
        var socket: String?
        /// It kills a service that is silent for so long.
        var watchdog: Duration?

        init(_ environment: [String: String], pid: Int32) {
            socket = environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
            // Without a number it is meant for whoever reads it.
            let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(pid)" } ?? true
            guard isMeant, let time = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), time > 0 else { return }
            watchdog = .microseconds(time)
        }

        static let ofThisProcess = Terms(
            ProcessInfo.processInfo.environment, pid: ProcessInfo.processInfo.processIdentifier)
    }

    var terms = Terms.ofThisProcess
    let logger: Logger
    /// Of the line in the log that says it has started.
    let metadata: Logger.Metadata
    let isReadyAtOnce: Bool
    /// One line for `systemctl status`.
    let status: @Sendable () -> String
    /// True if the service makes progress: everything that must turn has turned within this time.
    let isAlive: @Sendable (_ within: Duration) -> Bool

    func run() async throws {
        logger.info("started", metadata: metadata)
        if isReadyAtOnce { tell(.ready) }
        await cancelWhenGracefulShutdown { await report() }
        // A service that returns before it is told to would end all.
        try? await gracefulShutdown()
    }

    /// The status every few seconds, and signs of life at half the time that systemd waits for them.
    private func report() async {
        guard terms.socket != nil else { return }
        let interval = terms.watchdog.map { $0 / 2 } ?? .seconds(10)
        var isSilent = false
        var last = ""
        repeat {
            let now = status()
            if now != last { tell(.status(now)) }
            last = now
            if terms.watchdog == nil { continue }
            let isAlive = isAlive(interval)
            if isAlive {
                tell(.watchdog)
            } else if !isSilent {
                logger.critical("something hangs: no sign of life for systemd's watchdog")
            }
            isSilent = !isAlive
        } while (try? await Task.sleep(for: interval)) != nil
    }

    func tell(_ notice: Notice) {
        guard let socket = terms.socket else { return }
        let code = UnixDatagram.send(notice.text, to: socket)
        if code != 0 { logger.warning("systemd does not take notices", metadata: ["errno": "\(code)"]) }
    }
}
