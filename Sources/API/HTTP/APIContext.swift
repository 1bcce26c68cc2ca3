internal import Hummingbird
internal import Logging
internal import NIOCore

/// What the server knows of a request beside the request.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let peer: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress
    }

    /// The peer's address without its port.
    var address: String { peer?.ipAddress ?? "local" }

    var isLoopback: Bool {
        switch peer {
        case .v4: address.hasPrefix("127.")
        case .v6: address == "::1" || address.hasPrefix("::ffff:127.")
        case .unixDomainSocket, nil: true
        }
    }
}
