internal import Glibc
internal import Subprocess
internal import SystemPackage

/// Redis and PostgreSQL that listen on TCP, with passwords, in a network namespace; and on unix sockets, which whoever
/// watches uses: no cut reaches those.
public final class StoreHost: Sendable {
    public static let password = "made-up"
    public let redisSocket: String
    /// libpq connection string through the unix socket.
    public let conninfo: String
    private let folder: String
    private let servers: [ChildProcess]

    public static func start(in namespace: NetworkNamespace) async throws -> StoreHost {
        let folder = PrivateServers.folder + "/host-\(namespace.pid)"
        try await PrivateServers.once("mkdir", [folder])
        try await PrivateServers.once("cp", ["-a", try await PrivatePostgres.template.value, folder + "/pg"])
        try await PrivateServers.once(
            "sh", ["-c", "echo 'host all all 10.77.0.0/16 scram-sha-256' >>\"$0\"/pg/pg_hba.conf", folder])
        let socket = folder + "/redis.sock"
        let redis = try await start(
            namespace,
            [
                "redis-server", "--bind", "*", "--port", "6379", "--requirepass", password, "--unixsocket", socket,
                "--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
            ], folder + "/redis.log")
        let bin = try await PrivateServers.postgresBin()
        let settings = ["listen_addresses=*", "fsync=off", "shared_buffers=32MB", "dynamic_shared_memory_type=mmap"]
            .flatMap { ["-c", $0] }
        let postgres = try await start(
            namespace,
            ["setpriv"] + PrivateServers.privileges(asPostgres: true) + ["--pdeathsig=KILL"]
                + [bin + "postgres", "-D", folder + "/pg", "-k", folder] + settings, folder + "/postgres.log")
        let host = StoreHost(folder: folder, redisSocket: socket, servers: [redis, postgres])
        try await host.wait(bin)
        return host
    }

    private init(folder: String, redisSocket: String, servers: [ChildProcess]) {
        self.folder = folder
        self.redisSocket = redisSocket
        self.servers = servers
        conninfo = "host=\(folder) user=postgres dbname=postgres"
    }

    /// For a client on another host; the user `postgres` must have been given ``password``.
    public static func conninfo(at address: String) -> String {
        "host=\(address) user=postgres password=\(password) dbname=postgres sslmode=disable"
    }

    public static func redisURL(at address: String) -> String { "redis://:\(password)@\(address):6379/0" }

    public func stop() { for server in servers { server.signal(ChildProcess.kill) } }

    private static func start(
        _ namespace: NetworkNamespace, _ command: [String], _ log: String
    ) async throws -> ChildProcess {
        let words = namespace.entering(command)
        return try await ChildProcess.start(words[0], Array(words.dropFirst()), log: log)
    }

    private func wait(_ bin: String) async throws {
        try await PrivateServers.until("redis-server") {
            try await run(
                .name("redis-cli"), arguments: ["-s", redisSocket, "-a", Self.password, "--no-auth-warning", "ping"],
                output: .discarded
            ).terminationStatus.isSuccess
        }
        try await PrivateServers.until("postgres") {
            try await run(.path(FilePath(bin + "pg_isready")), arguments: ["-q", "-h", folder], output: .discarded)
                .terminationStatus.isSuccess
        }
    }
}
