import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Tells systemd how the service is, as `Type=notify` asks for (sd_notify(3)); says nothing if somebody else started it.
struct Supervisor: Service {
    let logger: Logger
    /// Of the line in the log that says it has started.
    let metadata: Logger.Metadata
    let isReadyAtOnce: Bool

    /// Tells of the start once signals are heard, and of the stop when it begins.
    func run() async throws {
        logger.info("started", metadata: metadata)
        if isReadyAtOnce { await tell("READY=1") }
        try? await gracefulShutdown()
        await tell("STOPPING=1")
    }

    func tell(_ state: String) async {
        guard let path = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], path.hasPrefix("/") else { return }
        do {
            let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: path).get()
            try await channel.writeAndFlush(ByteBuffer(string: state)).get()
            try await channel.close()
        } catch {
            logger.warning("systemd does not take notices", metadata: ["error": "\(error)"])
        }
    }
}
