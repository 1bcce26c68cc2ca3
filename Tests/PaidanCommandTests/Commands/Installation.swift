import Foundation
import Glibc
import OwnerThread
import Postgres
import Subprocess
import SystemPackage
import TestSupport

/// The built program with a folder, a configuration, a Redis and a database of one test's own.
struct Installation: Sendable {
    /// What one command printed, and how it ended.
    struct Ran: Sendable {
        let out: String
        let err: String
        /// Negative: the signal that ended it.
        let code: Int

        var lines: [Substring] { out.split(separator: "\n") }
        var object: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(out.utf8))) as? [String: Any] ?? [:] }
        var items: [[String: Any]] { object["items"] as? [[String: Any]] ?? [] }
    }

    /// Beside the tests' own bundle.
    static let program: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? "/proc/self/exe"
        return URL(filePath: bundle).resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "paidan")
            .path(percentEncoded: false)
    }()
    private static let count = Lock(0)

    let folder: String
    let redis: PrivateRedis
    /// Of its database.
    let conninfo: String

    var conf: String { folder + "/jobs.conf" }

    /// Runs `body` with an installation that is gone afterwards.
    ///
    /// - Parameters:
    ///   - redis: further options of the server.
    ///   - conf: more TOML, after the addresses.
    static func with<T>(
        migrated: Bool = true, redis options: [String] = [], conf: String = "",
        _ body: (Installation) async throws -> T
    ) async throws -> T {
        func inside(_ conninfo: String) async throws -> T {
            let installation = try await Installation(conninfo: conninfo, redis: options, conf: conf)
            defer { installation.redis.stop() }
            return try await body(installation)
        }
        guard migrated else { return try await FreshDatabase.with(inside) }
        return try await FreshDatabase.with(
            template: "command",
            prepare: { conninfo in
                let ran = try await run(
                    ["migrate", "--config", "/dev/null"], environment: ["PAIDAN_POSTGRES_URL": conninfo])
                if ran.code != 0 { throw Unexpected("migrate: \(ran.err)") }
            }, inside)
    }

    private init(conninfo: String, redis options: [String], conf: String) async throws {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        folder = PrivateServers.folder + "/command \(number)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        redis = try await PrivateRedis.start(options)
        self.conninfo = conninfo
        try write(
            """
            [redis]
            url = "unix:\(redis.socket)"
            [postgres]
            url = "\(conninfo)"
            sessions = 2
            [http]
            listen = "127.0.0.1:0"
            [kinds.noop]
            enabled = true
            \(conf)
            """, to: "jobs.conf")
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: folder + "/" + name))
    }

    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: folder + "/" + name)), as: UTF8.self)
    }

    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder + "/" + name) }

    /// Runs a command in the folder, where its jobs.conf is.
    func run(_ arguments: String..., input: String = "", environment: [String: String] = [:]) async throws -> Ran {
        try await Self.run(arguments, input: input, environment: environment, folder: folder)
    }

    func query(_ sql: SQL) async throws -> Rows {
        try await PostgresPool.with(conninfo) { try await $0.query(sql) }
    }

    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:], folder: String = "/"
    ) async throws -> Ran {
        let result = try await Subprocess.run(
            .name("setpriv"), arguments: Arguments(["--pdeathsig=KILL", program] + arguments),
            environment: surroundings(environment), workingDirectory: FilePath(folder), input: .string(input),
            output: .string(limit: 16 << 20), error: .string(limit: 1 << 20))
        let code =
            switch result.terminationStatus {
            case .exited(let code): Int(code)
            case .signaled(let signal): -Int(signal)
            }
        return Ran(out: result.standardOutput, err: result.standardError, code: code)
    }

    /// Nothing of the machine's own settings reaches the program.
    static func surroundings(_ more: [String: String]) -> Environment {
        var values: [Environment.Key: String?] = [
            "PAIDAN_TOKEN": nil, "PAIDAN_REDIS_URL": nil, "PAIDAN_POSTGRES_URL": nil, "PAIDAN_HTTP_LISTEN": nil,
        ]
        for (name, value) in more { values[Environment.Key(stringLiteral: name)] = value }
        return .inherit.updating(values)
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Waits until something is so.
///
/// - Throws: `Unexpected` if it is not so within half a minute.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw Unexpected("still not so after 30 s: \(what)")
}
