import API
import CRM
import Curl
import Jobs
import JobsPostgres
import Logging
import Observability
import OwnerThread
import Postgres
import ServiceLifecycle
import TestSupport

@testable import PaidanCommand

/// The service as `paidan serve` composes it, in this process, on a free port, with a Redis and a database of its own.
final class TestService: Sendable {
    let port: Int
    let composition: Composition
    let redis: PrivateRedis
    let client: CurlClient
    /// Tokens by user; ``token(for:roles:seller:)`` makes them.
    private let tokens = Lock<[String: Task<String, any Error>]>([:])

    private init(port: Int, composition: Composition, redis: PrivateRedis) {
        self.port = port
        self.composition = composition
        self.redis = redis
        var configuration = CurlConfiguration()
        configuration.connectionsPerHost = 64
        client = CurlClient(configuration, name: "test-http")
    }

    /// One for all tests that leave it whole; it ends with the process.
    static let shared = Task { () async throws -> TestService in
        let ready = OneShot<TestService, any Error>()
        Task {
            do {
                try await with { service in
                    ready.answer(.success(service))
                    try await Task.sleep(for: .seconds(3600))
                }
            } catch { ready.answer(.failure(error)) }
        }
        return try await ready.value()
    }

    /// Runs `body` with a service that is stopped at the end.
    static func with(_ body: (TestService) async throws -> Void) async throws {
        try await FreshDatabase.with(template: "service", prepare: migrate) { conninfo in
            try await with(database: conninfo, body)
        }
    }

    /// - Parameter database: one that is migrated.
    static func with(database conninfo: String, _ body: (TestService) async throws -> Void) async throws {
        let redis = try await PrivateRedis.start()
        defer { redis.stop() }
        let conf = try JobsConf(
            parsing: settings(redis: redis.socket, postgres: conninfo), name: "jobs.conf",
            sources: ConfSources(environment: { _ in nil }, file: { _ in "" }))
        let composition = Composition(conf)
        defer { composition.close() }
        try await conf.businessSettings.store(in: composition.pool)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let port = OneShot<Int, any Error>()
        var services: [any Service] = [AccessWatch(access: composition.access, conninfo: conninfo)]
        services += try ServiceParts.worker(composition)
        services.append(
            ServiceParts.api(composition, PrometheusRegistry(), logger) { port.answer(.success($0)) })
        let group = ServiceGroup(
            configuration: .init(services: services.map { .init(service: $0) }, logger: logger))
        let running = Task {
            do { try await group.run() } catch { port.answer(.failure(error)) }
        }
        let service = TestService(port: try await port.value(), composition: composition, redis: redis)
        let result: Result<Void, any Error>
        do { result = .success(try await body(service)) } catch { result = .failure(error) }
        service.client.close()
        await group.triggerGracefulShutdown()
        await running.value
        try result.get()
    }

    @Sendable static func migrate(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: Stores.migrations).migrate { _ in }
        }
    }

    private static func settings(redis: String, postgres: String) -> String {
        """
        [log]
        level = "error"
        [redis]
        url = "unix:\(redis)"
        [postgres]
        url = "\(postgres)"
        [http]
        listen = "127.0.0.1:0"
        max_body = "1MB"
        [queues.held]
        [queues.held2]
        [queues.toggled]
        [kinds.noop]
        enabled = true
        [schedules."夜间 1"]
        cron = "5 0 * * *"
        kind = "noop"
        args = '{"result": {"n": 1.0}}'
        [schedules.waiting]
        cron = "0 0 30 2 *"
        kind = "survey.open"
        """
    }

    /// A token of a user of that name, who is made when first asked for.
    func token(for name: String, roles: [String] = ["管理员"], seller: Bool = false) async throws -> String {
        let task = tokens.withLock { tokens in
            if let task = tokens[name] { return task }
            let task = Task { [composition] () async throws -> String in
                let users = UserStore(pool: composition.pool)
                _ = try await users.create(name: name, roles: roles, seller: seller)
                var random = SystemRandomNumberGenerator()
                return try await users.createToken(user: name, lifetime: nil, random: &random).token
            }
            tokens[name] = task
            return task
        }
        return try await task.value
    }
}
