import Foundation
import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport

/// Servers of one run, with the durability that the product is shipped with, and their connections.
final class Site: Sendable {
    let plan: RunPlan
    let redis: PrivateRedis
    let postgres: PrivatePostgres
    let client: RedisClient
    let store: RedisJobStore
    let pool: PostgresPool
    let robot: FakeHTTPServer
    let folder: String
    let program: String

    static let queues = ["bulk", "critical", "default"]

    /// Each run of a handler appends the number of its jobs.
    var journal: String { folder + "/claims" }
    var configuration: String { folder + "/jobs.conf" }

    static func with<T>(_ plan: RunPlan, _ body: (Site) async throws -> T) async throws -> T {
        let redis = try await PrivateRedis.start(try Durability.redisArguments())
        let postgres = try await PrivatePostgres.start(settings: ["shared_buffers=64MB"], isDurable: true)
        let site = try Site(plan, redis, postgres)
        let result: Result<T, any Error>
        do {
            try await site.prepare()
            result = .success(try await body(site))
        } catch { result = .failure(error) }
        site.close()
        return try result.get()
    }

    private init(_ plan: RunPlan, _ redis: PrivateRedis, _ postgres: PrivatePostgres) throws {
        self.plan = plan
        self.redis = redis
        self.postgres = postgres
        let configuration = try RedisConfiguration(url: "unix:" + redis.socket)
        client = RedisClient(configuration, name: "chaos")
        store = RedisJobStore(client: client, configuration: configuration, queues: Self.queues)
        var settings = PostgresConfiguration(conninfo: postgres.conninfo)
        settings.sessions = 2
        settings.deadline = .seconds(60)
        pool = PostgresPool(settings)
        robot = try FakeHTTPServer { _ in .json("{\"errcode\":0,\"errmsg\":\"ok\"}") }
        folder = PrivateServers.folder + "/chaos-\(redis.port)"
        program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "paidan").path(percentEncoded: false)
    }

    private func prepare() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try """
        [log]
        format = "json"
        [redis]
        url = "unix:\(redis.socket)"
        [postgres]
        url = "\(postgres.conninfo)"
        [worker]
        concurrency = 256
        lease = "\(plan.lease)s"
        drain = "1s"
        [channels.wecom]
        type = "wecom_robot"
        url = "\(robot.url)/cgi-bin/webhook/send?key=made-up"
        [notifications.assigned]
        channels = ["wecom"]

        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        _ = try await run("migrate")
        _ = try await pool.transaction { tx in
            try tx.run(
                script: """
                    CREATE SCHEMA chaos;
                    CREATE TABLE chaos.effect (mark text NOT NULL, n bigint NOT NULL, job text NOT NULL);
                    CREATE INDEX ON chaos.effect (mark, n);
                    CREATE TABLE chaos.refused (jobs int NOT NULL);
                    CREATE TABLE chaos.born (first int PRIMARY KEY);
                    """)
        }
    }

    private func close() {
        store.close()
        client.close()
        pool.close()
        robot.stop()
        redis.stop()
        postgres.stop()
    }

    /// Runs a command of the program to its end.
    ///
    /// - Returns: what it wrote to standard output.
    func run(_ arguments: String..., mayFail: Bool = false) async throws -> String {
        let output = folder + "/output-\(arguments[0])"
        let command = ([program] + arguments + ["--config", configuration]).map { "'\($0)'" }.joined(separator: " ")
        let process = try await ChildProcess.start(
            "/bin/sh", ["-c", "exec \(command) >'\(output)'"], log: output + ".log")
        let end = try await process.finish()
        guard end == .exited(0) || mayFail else { throw ChaosError("\(arguments): \(end)\n\(process.log)") }
        return try String(contentsOfFile: output, encoding: .utf8)
    }

    /// What the stores are about, for whoever looks at a failure.
    func state() async -> String {
        let queues = (try? await store.queues()) ?? []
        let workers = (try? await store.workers()) ?? []
        let sessions =
            try? await pool.query(
                """
                SELECT concat_ws(' ', pid, state, wait_event, now() - xact_start, pg_blocking_pids(pid), left(query, 90))
                FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
                """
            ).map { try $0.text(0) }
        return (queues.map { "\($0)" } + workers.map { "\($0)" } + (sessions ?? ["PostgreSQL does not answer"]))
            .joined(separator: "\n")
    }

    /// Asks PostgreSQL, again and again while it is away.
    func count(_ sql: SQL) async throws -> Int {
        try await persistently { try await pool.query(sql)[0].int(0) }
    }
}

/// What the shipped settings promise about the disk.
enum Durability {
    private static let names: Set<Substring> = [
        "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "auto-aof-rewrite-percentage",
        "auto-aof-rewrite-min-size", "maxmemory-policy",
    ]

    /// Those settings of `deploy/redis.conf` as arguments.
    static func redisArguments() throws -> [String] {
        let path = "deploy/redis.conf"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ChaosError("\(path) cannot be read; start this program by deploy/chaos")
        }
        var arguments: [String] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, names.contains(words[0]) { arguments += ["--\(words[0])", String(words[1])] }
        }
        return arguments
    }
}

struct ChaosError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Looks every 20 ms.
func until(_ what: String, within limit: Duration, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw ChaosError("\(what): not within \(limit)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Repeats what a store that is away refuses, for two minutes.
func persistently<T>(_ body: () async throws -> T) async throws -> T {
    let deadline = ContinuousClock.now + .seconds(120)
    while true {
        do { return try await body() } catch {
            let isAway: Bool =
                switch error {
                case let error as PostgresError: error.isInfrastructure
                case let error as StoreError: error.isInfrastructure
                case is RedisError: true
                default: false
                }
            guard isAway, ContinuousClock.now < deadline else { throw error }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
