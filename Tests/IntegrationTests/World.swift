import CRM
import Curl
import Foundation
import JobsPostgres
import JobsRedis
import OwnerThread
import Postgres
import Redis
import TestSupport

/// Servers, providers and people of one scenario, and the processes of the service that work there.
final class World: Sendable {
    let redis: PrivateRedis
    let client: RedisClient
    let store: RedisJobStore
    let pool: PostgresPool
    let curl = CurlClient(name: "scenario")
    let mail: FakeSMTPServer
    let robot: FakeHTTPServer
    let token: String
    let folder: String
    var confPath: String { folder + "/jobs.conf" }
    private let started = Lock<[Service]>([])

    /// Shares of the sellers 1, 2 …
    static let shares = [
        (num: 5, weight: 1), (num: 3, weight: 4), (num: 8, weight: 2), (num: 1, weight: 9), (num: 6, weight: 2),
    ]
    static var sellers: [String] { (1...shares.count).map { "seller\($0)" } }

    /// Runs `body` in a world of its own: a database, a Redis with an append-only file, a mail server, a robot.
    ///
    /// - Parameters:
    ///   - postgres: a server of the scenario's own, to be killed; nil takes the one that all share.
    ///   - redis: further options of its server.
    static func with(
        postgres: PrivatePostgres? = nil, redis: [String] = [], _ body: (World) async throws -> Void
    ) async throws {
        if let postgres {
            try await prepare(postgres.conninfo)
            return try await with(conninfo: postgres.conninfo, redis, body)
        }
        try await FreshDatabase.with(template: "integration", prepare: prepare) {
            try await with(conninfo: $0, redis, body)
        }
    }

    private static func with(
        conninfo: String, _ options: [String], _ body: (World) async throws -> Void
    ) async throws {
        let redis = try await PrivateRedis.start(["--appendonly", "yes", "--appendfsync", "always"] + options)
        let world = try await World(redis: redis, conninfo: conninfo)
        let result: Result<Void, any Error>
        do { result = .success(try await body(world)) } catch { result = .failure(error) }
        await world.close()
        try result.get()
    }

    private init(redis: PrivateRedis, conninfo: String) async throws {
        self.redis = redis
        let certificate = try await TestCertificate.shared.value
        mail = try FakeSMTPServer(certificate)
        robot = try FakeHTTPServer { _ in .json("{\"errcode\":0,\"errmsg\":\"ok\"}") }
        let configuration = try RedisConfiguration(url: "unix:" + redis.socket)
        client = RedisClient(configuration, name: "scenario")
        store = RedisJobStore(client: client, configuration: configuration, queues: ["bulk", "critical", "default"])
        var settings = PostgresConfiguration(conninfo: conninfo)
        settings.sessions = 2
        settings.applicationName = "scenario"
        pool = PostgresPool(settings)
        folder = PrivateServers.folder + "/world-\(redis.port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let conf = Self.conf(redis: redis, conninfo: conninfo, mail: mail, certificate: certificate, robot: robot)
        try conf.write(toFile: folder + "/jobs.conf", atomically: true, encoding: .utf8)
        var random = SystemRandomNumberGenerator()
        token = try await UserStore(pool: pool).createToken(user: "admin", lifetime: nil, random: &random).token
    }

    private func close() async {
        for service in started.withLock({ $0 }) {
            service.process.signal(ChildProcess.kill)
            _ = try? await service.process.finish()
        }
        store.close()
        client.close()
        pool.close()
        curl.close()
        mail.stop()
        robot.stop()
        redis.stop()
    }

    /// Tables, an administrator and the sellers with their shares.
    static func prepare(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            _ = try await UserStore(pool: pool).create(name: "admin", roles: ["管理员"], seller: false)
            for seller in sellers { _ = try await UserStore(pool: pool).create(name: seller, roles: [], seller: true) }
            try await pool.transaction { tx in
                _ = try tx.query("UPDATE rbac_user SET email = username || '@example.com'")
                _ = try tx.query("UPDATE crm_userinfo SET email = username || '@example.com'")
                for (index, share) in shares.enumerated() {
                    _ = try tx.query(
                        """
                        INSERT INTO crm_salerank (user_id, num, weight)
                        SELECT id, \(share.num), \(share.weight) FROM crm_userinfo WHERE username = \(sellers[index])
                        """)
                }
            }
        }
    }

    private static func conf(
        redis: PrivateRedis, conninfo: String, mail: FakeSMTPServer, certificate: TestCertificate, robot: FakeHTTPServer
    ) -> String {
        """
        [log]
        format = "json"
        [redis]
        url = "unix:\(redis.socket)"
        [postgres]
        url = "\(conninfo)"
        [http]
        listen = "127.0.0.1:0"
        [worker]
        lease = "3s"
        drain = "1s"
        [kinds.noop]
        enabled = true
        [channels.mail]
        type = "email"
        url = "\(mail.url)"
        from = "crm@example.com"
        ca_file = "\(certificate.certificate)"
        [channels.wecom]
        type = "wecom_robot"
        url = "\(robot.url)/cgi-bin/webhook/send?key=made-up"
        [channels.ding]
        type = "dingtalk_robot"
        url = "\(robot.url)/robot/send?access_token=made-up"
        [notifications.assigned]
        channels = ["mail", "wecom"]
        [notifications.import_finished]
        channels = ["mail", "ding"]

        """
    }

    // MARK: the service

    /// Starts a process of the service and waits until it works.
    ///
    /// - Parameters:
    ///   - crashAt: the line at which it ends itself.
    ///   - environment: further variables.
    func serve(
        _ roles: String = "api,worker,scheduler", crashAt: String? = nil, environment: [String: String] = [:]
    ) async throws -> Service {
        let number = started.withLock { $0.count + 1 }
        let process = try await ChildProcess.start(
            Program.path, ["serve", "--roles", roles, "--config", folder + "/jobs.conf"],
            environment: environment.merging(crashAt.map { ["PAIDAN_CRASH_AT": $0] } ?? [:]) { $1 },
            log: folder + "/log\(number)")
        let service = Service(process: process)
        started.withLock { $0.append(service) }
        try await until("the service is up", within: .seconds(30)) {
            if let end = process.end { throw ScenarioError("the service ended: \(end)\n\(process.log)") }
            return process.log.contains(roles.contains("api") ? "\"listening\"" : "\"started\"")
        }
        return service
    }

    /// The last lines of every process, for whoever looks at a failure.
    var logs: String {
        started.withLock { $0 }.enumerated().map { index, service in
            let lines = service.process.log.split(separator: "\n").suffix(40).joined(separator: "\n")
            return "process \(index + 1), \(service.process.end.map { "\($0)" } ?? "running"):\n\(lines)"
        }.joined(separator: "\n")
    }

    /// Uploads a sheet over HTTP.
    ///
    /// - Returns: the import's id.
    func upload(_ sheet: [UInt8], to service: Service) async throws -> Int {
        var request = HTTPRequest(
            "POST", service.url + "/v1/imports",
            headers: [
                ("Authorization", "Bearer \(token)"), ("Content-Type", "text/csv"),
                ("Content-Disposition", "attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.csv"),
            ], body: sheet)
        request.timeout = .seconds(60)
        let answer = try await curl.send(request)
        struct Ticket: Decodable { let id: String }
        guard answer.status == 202,
            let id = Int(try JSONDecoder().decode(Ticket.self, from: Data(answer.body)).id)
        else { throw ScenarioError("upload: \(answer.status) \(String(decoding: answer.body, as: UTF8.self))") }
        return id
    }

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].int(0) }
}

/// One process of the service.
struct Service: Sendable {
    let process: ChildProcess

    var url: String {
        let port = process.log.firstMatch(of: /"listening".*"port":"?([0-9]+)/)?.1 ?? "0"
        return "http://127.0.0.1:\(port)"
    }

    func kill() async throws {
        process.signal(ChildProcess.kill)
        try await process.finish()
    }

    /// - Returns: the number of the signal, or nil if it left by itself.
    func deathAtCrashPoint() async throws -> Bool {
        try await process.finish() == .signalled(ChildProcess.kill) && process.log.contains("crash point")
    }
}

enum Program {
    /// The program as it was built beside this test bundle, or `SCENARIO_PROGRAM`.
    static var path: String {
        if let path = ProcessInfo.processInfo.environment["SCENARIO_PROGRAM"] { return path }
        return URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "paidan").path(percentEncoded: false)
    }
}

struct ScenarioError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Looks every 20 ms.
func until(_ what: String, within limit: Duration, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw ScenarioError("\(what): not within \(limit)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
