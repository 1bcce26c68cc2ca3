internal import Postgres
public import ServiceLifecycle

/// Hears of changes to users, roles, permissions and tokens, and makes what is in memory stale at once.
public struct AccessWatch: Service {
    let access: AccessControl
    let conninfo: String

    public init(access: AccessControl, conninfo: String) {
        self.access = access
        self.conninfo = conninfo
    }

    public func run() async throws {
        let listener = PostgresListener(conninfo: conninfo, channels: ["paidan_access"])
        defer { listener.close() }
        await cancelWhenGracefulShutdown {
            for await _ in listener.notifications { access.forgetAll() }
        }
    }
}
