import Foundation

/// A private Redis with the project's own settings and a private PostgreSQL with its ordinary ones, on unix sockets in a
/// temporary folder.
final class Servers {
    let folder: String
    let redis: Program
    let postgres: Program
    private let root: String
    private let bin: String

    var socket: String { folder + "/redis.sock" }
    var conninfo: String { "host=\(folder) user=paidan dbname=paidan" }
    var log: String { folder + "/log" }

    /// - Parameters:
    ///   - root: the project's folder.
    ///   - parent: where the temporary folder is made; its disk is what is measured.
    init(root: String, parent: String) throws {
        self.root = root
        Self.removeFoldersOfDeadProcesses(in: parent)
        folder = "\(parent)/paidan-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let errors = folder + "/log"
        bin = try Program.run("pg_config", ["--bindir"], log: errors).trimmingCharacters(in: .whitespacesAndNewlines)
        if geteuid() == 0 { try Program.run("chown", ["postgres", folder], log: errors) }
        try Program.run(
            bin + "/initdb",
            [
                "-D", folder + "/pg", "-A", "trust", "-U", "paidan", "-E", "UTF8", "--locale=C.UTF-8",
                "--no-instructions",
            ], log: errors, asPostgres: true)
        postgres = try Program(
            bin + "/postgres", ["-D", folder + "/pg", "-k", folder, "-c", "listen_addresses="],
            log: folder + "/postgres.log", asPostgres: true)
        redis = try Program(
            "redis-server",
            [root + "/deploy/redis.conf", "--port", "0", "--unixsocket", folder + "/redis.sock", "--dir", folder],
            log: folder + "/redis.log")
        let (bin, folder) = (bin, folder)
        try wait("PostgreSQL") { try Program.run(bin + "/pg_isready", ["-q", "-h", folder], log: errors) }
        try wait("Redis") { try self.redis("ping") }
        try Program.run("createdb", ["-h", folder, "-U", "paidan", "paidan"], log: errors)
    }

    /// A run that was killed leaves its folder; its servers ended with it.
    private static func removeFoldersOfDeadProcesses(in parent: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix("paidan-bench-") {
            guard let id = pid_t(name.dropFirst("paidan-bench-".count)), kill(id, 0) != 0, errno == ESRCH else {
                continue
            }
            try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
        }
    }

    private func wait(_ what: String, _ ready: () throws -> Void) throws {
        for _ in 0..<200 {
            if (try? ready()) != nil { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchError("\(what) did not start; see \(folder)")
    }

    func stop(keepFolder: Bool) {
        redis.end()
        // PostgreSQL's fast shutdown.
        postgres.end(SIGINT)
        if !keepFolder { try? FileManager.default.removeItem(atPath: folder) }
    }

    @discardableResult func redis(_ words: String...) throws -> String {
        let text = try Program.run("redis-cli", ["-s", socket, "-e"] + words, log: log)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @discardableResult func sql(_ text: String) throws -> String {
        try Program.run(
            "psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "paidan", "-c", text],
            log: log
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Replaces a database by a copy of another.
    func copyDatabase(_ name: String, to copy: String) throws {
        try Program.run("dropdb", ["-h", folder, "-U", "paidan", "--if-exists", "--force", copy], log: log)
        try Program.run("createdb", ["-h", folder, "-U", "paidan", "-T", name, copy], log: log)
    }

    /// Empties Redis; its function libraries stay.
    func flushRedis() throws {
        try redis("flushall")
    }

    /// Writes the append-only file anew, so that each run begins with a file of the same age.
    ///
    /// A large one is written anew by the server itself as it grows: that one must end first.
    func compactRedis() throws {
        try waitForRewrite()
        try redis("bgrewriteaof")
        try waitForRewrite()
    }

    private func waitForRewrite() throws {
        for _ in 0..<1200 {
            let info = try redis("info", "persistence")
            if info.contains("aof_rewrite_in_progress:0"), info.contains("aof_rewrite_scheduled:0") { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchError("Redis is still writing its append-only file anew after a minute")
    }
}
