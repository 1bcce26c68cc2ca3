internal import Glibc
internal import OwnerThread
internal import Subprocess
internal import SystemPackage

/// A PostgreSQL of its own for a test that kills, freezes or restarts it.
public final class PrivatePostgres: Sendable {
    /// Made once; each server starts from a copy.
    static let template = Task {
        let folder = PrivateServers.folder + "/pg-template"
        try await PrivateServers.once(
            try await PrivateServers.postgresBin() + "initdb",
            [
                "-N", "-D", folder, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                "--no-instructions",
            ])
        return folder
    }
    private static let count = Lock(0)

    /// libpq connection string of the database `postgres`, through the unix socket.
    public let conninfo: String
    private let folder: String
    private let data: String
    private let settings: [String]
    /// Path of the unix socket.
    public var socket: String { folder + "/.s.PGSQL.5432" }

    private init(number: Int, disk: SmallDisk?, settings: [String]) {
        folder = PrivateServers.folder + "/extra\(number)"
        data = (disk?.path ?? folder) + "/data"
        self.settings = settings
        conninfo = "host=\(folder) user=postgres dbname=postgres"
    }

    /// Starts a server; end it with ``stop()``.
    ///
    /// - Parameters:
    ///   - disk: where its data go.
    ///   - settings: as in `postgresql.conf`, `NAME=VALUE`.
    ///   - isDurable: it outlives a crash of the machine; slower.
    public static func start(
        disk: SmallDisk? = nil, settings: [String] = [], isDurable: Bool = false
    ) async throws -> PrivatePostgres {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let server = PrivatePostgres(
            number: number, disk: disk,
            settings: ["fsync=\(isDurable ? "on" : "off")", "shared_buffers=16MB"] + settings)
        try await PrivateServers.once("mkdir", [server.folder])
        try await PrivateServers.once("cp", ["-a", try await template.value, server.data])
        try await server.launch()
        return server
    }

    /// Runs `body` with a server that is stopped at the end.
    public static func with<T>(
        disk: SmallDisk? = nil, settings: [String] = [], _ body: (PrivatePostgres) async throws -> T
    ) async throws -> T {
        let server = try await start(disk: disk, settings: settings)
        let result: Result<T, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        server.stop()
        return try result.get()
    }

    /// Process id of the postmaster.
    public var pid: Int32 {
        get throws {
            guard let line = read(data + "/postmaster.pid").split(separator: "\n").first, let id = pid_t(line) else {
                throw ServerError(message: "no process id in \(data)/postmaster.pid")
            }
            return id
        }
    }

    /// False once it has ended, by itself too.
    public var isRunning: Bool { (try? pid).map(isAlive) ?? false }

    /// `kill -9` for the server and all its sessions.
    public func kill() async throws {
        let all = try processes()
        for id in all { Glibc.kill(id, SIGKILL) }
        try await PrivateServers.until("end of the killed server") { all.allSatisfy { !isAlive($0) } }
    }

    /// `pg_ctl stop -m immediate`: no session ends its work, nothing is written any more.
    public func stopImmediately() async throws {
        let all = try processes()
        Glibc.kill(try pid, SIGQUIT)
        try await PrivateServers.until("end of the server") { all.allSatisfy { !isAlive($0) } }
    }

    /// Starts the server again after ``kill()`` or ``stopImmediately()``.
    public func launch() async throws {
        PrivateServers.keep(
            try await PrivateServers.postgresBin() + "postgres",
            ["-D", data, "-k", folder, "-c", "listen_addresses="] + settings.flatMap { ["-c", $0] },
            asPostgres: true)
        let program = try await PrivateServers.postgresBin() + "pg_isready"
        try await PrivateServers.until("postgres") {
            try await run(.path(FilePath(program)), arguments: ["-q", "-h", folder], output: .discarded)
                .terminationStatus.isSuccess
        }
    }

    /// Kills the server and starts it again.
    public func restart() async throws {
        try await kill()
        try await launch()
    }

    /// Stops the server and all its sessions in their tracks, as a machine does that swaps itself to death.
    public func freeze() throws { for id in try processes() { Glibc.kill(id, SIGSTOP) } }

    public func thaw() throws { for id in try processes() { Glibc.kill(id, SIGCONT) } }

    public func stop() {
        for id in (try? processes()) ?? [] { Glibc.kill(id, SIGKILL) }
    }

    /// The postmaster and its children.
    private func processes() throws -> [pid_t] {
        let parent = try pid
        return [parent] + read("/proc/\(parent)/task/\(parent)/children").split(separator: " ").compactMap { pid_t($0) }
    }

    private func isAlive(_ id: pid_t) -> Bool {
        // A zombie keeps its number until init or its parent asks for it, but holds nothing any more.
        let status = read("/proc/\(id)/stat")
        return !status.isEmpty && !status.contains(") Z ")
    }

    private func read(_ path: String) -> String {
        guard let file = unsafe fopen(path, "r") else { return "" }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
