import CRM
import Foundation
import Jobs
import JobsRedis
import OwnerThread
import Postgres
import Redis
import TestSupport
import Testing

/// Four hosts: the stores on one, a process of the service on each of the others. Who watches goes to the stores by
/// their unix sockets, which no cut reaches.
final class HostsWorld: Sendable {
    let hosts: Hosts
    let store: RedisJobStore
    let pool: PostgresPool
    private let client: RedisClient
    private let stores: StoreHost
    private let token: String
    private let folder: String
    private let processes = Lock<[Hosts.Host: ChildProcess]>([:])

    /// The shortest that jobs.conf takes.
    static let lease = Duration.seconds(3)

    static func with(_ body: (HostsWorld) async throws -> Void) async throws {
        try await Hosts.with { hosts in
            let stores = try await StoreHost.start(in: hosts[.stores])
            try await World.prepare(stores.conninfo)
            let world = try await HostsWorld(hosts, stores)
            let result: Result<Void, any Error>
            do { result = .success(try await body(world)) } catch {
                result = .failure(ScenarioError("\(error)\n\(world.logs)"))
            }
            await world.close()
            try result.get()
        }
    }

    private init(_ hosts: Hosts, _ stores: StoreHost) async throws {
        self.hosts = hosts
        self.stores = stores
        var configuration = try RedisConfiguration(url: "unix:" + stores.redisSocket)
        configuration.password = StoreHost.password
        client = RedisClient(configuration, name: "hosts")
        store = RedisJobStore(client: client, configuration: configuration, queues: ["bulk", "critical", "default"])
        var settings = PostgresConfiguration(conninfo: stores.conninfo)
        settings.sessions = 2
        pool = PostgresPool(settings)
        folder = PrivateServers.folder + "/hosts-\(hosts[.stores].pid)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = try await pool.query("ALTER ROLE postgres PASSWORD '\(raw: StoreHost.password)'")
        try Self.conf.write(toFile: folder + "/jobs.conf", atomically: true, encoding: .utf8)
        var random = SystemRandomNumberGenerator()
        token = try await UserStore(pool: pool).createToken(user: "admin", lifetime: nil, random: &random).token
    }

    private func close() async {
        for process in processes.withLock({ $0.values }) {
            process.signal(ChildProcess.kill)
            _ = try? await process.finish()
        }
        store.close()
        client.close()
        pool.close()
        stores.stop()
    }

    private static var conf: String {
        let address = Hosts.Host.stores.address
        return """
            [log]
            format = "json"
            [redis]
            url = "\(StoreHost.redisURL(at: address))"
            [postgres]
            url = "\(StoreHost.conninfo(at: address))"
            [http]
            listen = "127.0.0.1:8080"
            [worker]
            lease = "3s"
            drain = "1s"
            [kinds.noop]
            enabled = true

            """
    }

    // MARK: the service

    /// Starts the service on a host and waits until it works.
    ///
    /// - Parameter clock: how far the host's clock is off, as in `+11m`.
    @discardableResult
    func serve(
        _ roles: String, on host: Hosts.Host, clock: String? = nil, environment: [String: String] = [:]
    ) async throws -> ChildProcess {
        var command =
            environment.isEmpty ? [] : ["env"] + environment.map { "\($0.key)=\($0.value)" }
        command += [Program.path, "serve", "--roles", roles, "--config", folder + "/jobs.conf"]
        if let clock { command = try ShiftedClock.command(clock, command) }
        let words = hosts[host].entering(command)
        let process = try await ChildProcess.start(words[0], Array(words.dropFirst()), log: "\(folder)/\(host).log")
        processes.withLock { $0[host] = process }
        try await until("\(host) is up", within: .seconds(30)) {
            if let end = process.end { throw ScenarioError("\(host) ended: \(end)") }
            return process.log.contains(roles.contains("api") ? "\"listening\"" : "\"started\"")
        }
        return process
    }

    func pid(_ host: Hosts.Host) -> Int? { processes.withLock { $0[host] }.map { Int($0.pid) } }

    func log(_ host: Hosts.Host) -> String { processes.withLock { $0[host] }?.log ?? "" }

    var logs: String {
        Hosts.Host.allCases.filter { $0 != .stores }.map { host in
            "\(host):\n" + log(host).split(separator: "\n").suffix(40).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// Runs the program on the API's host.
    func paidan(_ arguments: String...) async throws -> (code: Int32, output: String, error: String) {
        try await hosts[.api].run([Program.path] + arguments + ["--config", folder + "/jobs.conf"])
    }

    // MARK: what is asked over HTTP

    struct Answer: Sendable {
        /// 0 if none came in time.
        let status: Int
        let seconds: Double
        let retryAfter: Int?
        let body: String

        func decoded<T: Decodable>(_ type: T.Type) throws -> T {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            do { return try decoder.decode(type, from: Data(body.utf8)) } catch {
                throw ScenarioError("\(status) \(body): \(error)")
            }
        }
    }

    struct Job: Decodable, Sendable {
        let id: String
        let state: String
        let createdAt: String
        let runAt: String?
    }

    /// - Parameter patience: seconds after which the client gives up.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, type: String = "application/json",
        headers: [String] = [], token: String? = nil, patience: Int = 30
    ) async throws -> Answer {
        var command = [
            "curl", "-sS", "-m", "\(patience)", "-X", method, "-w", "\n%{http_code} %{time_total} %header{retry-after}",
            "-H", "Authorization: Bearer \(token ?? self.token)",
        ]
        for header in headers { command += ["-H", header] }
        if body != nil { command += ["-H", "Content-Type: \(type)", "--data-binary", "@-"] }
        let result = try await hosts[.api].run(
            command + ["http://127.0.0.1:8080" + path], input: Array((body ?? "").utf8))
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        let words = lines.last?.split(separator: " ", omittingEmptySubsequences: false) ?? []
        guard words.count == 3, let status = Int(words[0]), let seconds = Double(words[1]) else {
            throw ScenarioError("\(method) \(path): \(result)")
        }
        return Answer(
            status: status, seconds: seconds, retryAfter: Int(words[2]),
            body: lines.dropLast().joined(separator: "\n"))
    }

    func enqueue(_ body: String) async throws -> Job {
        let answer = try await ask("POST", "/v1/jobs", body)
        guard answer.status == 202 else { throw ScenarioError("enqueue: \(answer)") }
        return try answer.decoded(Job.self)
    }

    /// - Returns: the ids.
    func enqueue(_ count: Int, _ line: String) async throws -> [String] {
        struct Taken: Decodable { let ids: [String] }
        let lines = Array(repeating: line, count: count).joined(separator: "\n")
        let answer = try await ask("POST", "/v1/jobs/bulk", lines, type: "application/x-ndjson")
        guard answer.status == 202 else { throw ScenarioError("bulk: \(answer)") }
        return try answer.decoded(Taken.self).ids
    }

    func upload(_ sheet: Sheet) async throws -> Int {
        struct Ticket: Decodable { let id: String }
        let answer = try await ask(
            "POST", "/v1/imports", String(decoding: sheet.csv, as: UTF8.self), type: "text/csv",
            headers: ["Content-Disposition: attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.csv"])
        guard answer.status == 202, let id = Int(try answer.decoded(Ticket.self).id) else {
            throw ScenarioError("upload: \(answer)")
        }
        return id
    }

    /// - Parameter time: an interval as PostgreSQL reads it, negative for a token that has expired.
    func makeToken(expiresIn time: String) async throws -> String {
        var random = SystemRandomNumberGenerator()
        let made = try await UserStore(pool: pool).createToken(user: "admin", lifetime: nil, random: &random)
        _ = try await pool.query(
            "UPDATE paidan.api_token SET expires_at = paidan.now() + \(time)::interval WHERE id = \(made.view.id)")
        return made.token
    }

    // MARK: what must hold

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].int(0) }

    /// Milliseconds since 1970, of the hosts' stores.
    func now() async throws -> Int { try await count("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint") }

    func rest(within limit: Duration) async throws {
        try await until("all work is done", within: limit) {
            let row = try await pool.query(World.remains)[0]
            for column in 0..<3 where try row.int(column) > 0 { return false }
            return try await store.queues().allSatisfy { $0.depth + $0.running + $0.delayed + $0.suspects == 0 }
        }
    }

    /// The counts: every job succeeded, every effect there once.
    func check(jobs: Int, _ sheets: [Int: Sheet], _ at: SourceLocation = #_sourceLocation) async throws {
        let broken = try await pool.transaction { try Invariants.violations(in: &$0) }
        #expect(broken.isEmpty, "\(broken)", sourceLocation: at)
        for (id, sheet) in sheets {
            let row = try await pool.query(
                """
                SELECT state, rows_read, rows_ok, rows_duplicate, rows_error, assigned,
                    (SELECT count(*) FROM crm_customer WHERE import_id = b.id),
                    (SELECT count(*) FROM paidan.import_row WHERE import_id = b.id)
                FROM paidan.import_batch b WHERE id = \(id)
                """)[0]
            let counts = try (1...7).map { try row.int($0) }
            let wanted = [sheet.rows, sheet.ok, sheet.duplicates, sheet.errors, sheet.ok, sheet.ok, sheet.rows]
            #expect(try row.text(0) == "done" && counts == wanted, "import \(id): \(counts)", sourceLocation: at)
        }
        let customers = sheets.values.reduce(0) { $0 + $1.ok }
        let owned = try await count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'")
        let rows = try await count("SELECT count(*) FROM crm_customerdistribution")
        let distinct = try await count("SELECT count(DISTINCT customer_id) FROM crm_customerdistribution")
        let isOnce = owned == customers && rows == customers && distinct == customers
        #expect(isOnce, "\(customers): \(owned), \(rows), \(distinct)", sourceLocation: at)
        for queue in ["bulk", "critical", "default"] {
            let census = try await store.census(queue)
            let isEven = census.difference == 0 && census.dead == 0 && census.succeeded == census.enqueued
            #expect(isEven, "\(queue): \(census)", sourceLocation: at)
            if queue == "default" { #expect(census.enqueued == jobs, "\(census)", sourceLocation: at) }
        }
        let doctor = try await paidan("doctor")
        #expect(doctor.code == 0, "\(doctor)", sourceLocation: at)
    }
}
