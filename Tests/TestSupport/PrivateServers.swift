internal import Glibc
internal import Subprocess
internal import SystemPackage

/// Servers of this test process: started on first use, ended by the kernel when the process ends, however it ends.
public enum PrivateServers {
    /// Path of the unix socket of a Redis without persistence.
    public static let redis = Task { try await startRedis() }
    /// libpq connection string of a PostgreSQL whose database `postgres` is empty; `paidan.test_clock` is on.
    public static let postgres = Task { try await startPostgres() }

    /// Sockets and data of this process. PostgreSQL refuses root, so there it belongs to the user `postgres`.
    public static let folder: String = {
        removeFoldersOfDeadProcesses()
        let path = "/tmp/paidan-test-\(getpid())"
        unsafe mkdir(path, 0o755)
        if geteuid() == 0, let user = unsafe getpwnam("postgres") {
            unsafe chown(path, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        return path
    }()

    private static func removeFoldersOfDeadProcesses() {
        guard let directory = unsafe opendir("/tmp") else { return }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix("paidan-test-"), let id = pid_t(name.dropFirst(12)), kill(id, 0) != 0, errno == ESRCH
            else { continue }
            Task {
                // A small disk may be mounted there still.
                let script = "umount -l /tmp/\(name)/disk* 2>/dev/null; rm -rf /tmp/\(name)"
                _ = try? await run(.name("sh"), arguments: ["-c", script], output: .discarded, error: .discarded)
            }
        }
    }

    private static func startRedis() async throws -> String {
        let socket = folder + "/redis.sock"
        keep(
            "redis-server", ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"],
            asPostgres: false)
        // The socket exists before the server listens: ask the server, not the file.
        try await until("redis-server") {
            try await run(.name("redis-cli"), arguments: ["-s", socket, "ping"], output: .discarded).terminationStatus
                .isSuccess
        }
        return socket
    }

    private static func startPostgres() async throws -> String {
        let bin = try await postgresBin()
        let data = folder + "/pg"
        try await once(
            bin + "initdb",
            ["-N", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"])
        let settings = [
            "listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB",
            "max_connections=300", "paidan.test_clock=on",
        ]
        keep(bin + "postgres", ["-D", data, "-k", folder] + settings.flatMap { ["-c", $0] }, asPostgres: true)
        try await until("postgres") {
            try await run(.path(FilePath(bin + "pg_isready")), arguments: ["-q", "-h", folder], output: .discarded)
                .terminationStatus.isSuccess
        }
        return "host=\(folder) user=postgres dbname=postgres"
    }

    /// Folder of the server programs, with a trailing slash.
    public static func postgresBin() async throws -> String {
        let result = try await run(
            .name("pg_config"), arguments: ["--bindir"], output: .string(limit: 4096), error: .discarded)
        guard let line = result.standardOutput.split(separator: "\n").first else {
            throw ServerError(message: "pg_config --bindir prints nothing: is libpq-dev installed?")
        }
        return line + "/"
    }

    static func once(_ program: String, _ arguments: [String]) async throws {
        let result = try await run(
            .name("setpriv"), arguments: Arguments(privileges(asPostgres: true) + [program] + arguments),
            output: .discarded, error: .string(limit: 65536))
        guard result.terminationStatus.isSuccess else {
            throw ServerError(message: "\(program): \(result.standardError)")
        }
    }

    /// Starts a child that the kernel kills when the spawning thread ends.
    /// Subprocess spawns on one thread that lives as long as the process.
    static func keep(_ program: String, _ arguments: [String], asPostgres: Bool) {
        Task {
            _ = try await run(
                .name("setpriv"),
                arguments: Arguments(["--pdeathsig=KILL"] + privileges(asPostgres: asPostgres) + [program] + arguments),
                output: .discarded, error: .discarded)
        }
    }

    static func privileges(asPostgres: Bool) -> [String] {
        asPostgres && geteuid() == 0 ? ["--reuid=postgres", "--regid=postgres", "--init-groups"] : []
    }

    static func until(_ what: String, _ ready: () async throws -> Bool) async throws {
        for _ in 0..<2000 {
            if try await ready() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ServerError(message: "\(what) did not start")
    }
}

public struct ServerError: Error, CustomStringConvertible {
    let message: String
    public var description: String { message }
}
