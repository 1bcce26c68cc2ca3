internal import OwnerThread
public import Postgres

/// Databases of the private server that live as long as one test.
public enum FreshDatabase {
    private static let templates = Lock<[String: Task<String, any Error>]>([:])
    /// Makes and drops databases. `CREATE DATABASE` runs one at a time anyway, so two sessions suffice.
    private static let administration = Task {
        var configuration = PostgresConfiguration(conninfo: try await PrivateServers.postgres.value)
        configuration.sessions = 2
        configuration.deadline = .seconds(60)
        return PostgresPool(configuration)
    }

    /// Runs `body` with the connection string of a new, empty database, which is dropped at the end.
    public static func with<T>(_ body: (_ conninfo: String) async throws -> T) async throws -> T {
        try await with(copyOf: "template1", body)
    }

    /// Runs `body` with a new database that is a copy of one that `prepare` filled: once for each name and process.
    ///
    /// `prepare` must have closed its connections when it returns (they may take a moment to end).
    public static func with<T>(
        template name: String, prepare: @escaping @Sendable (_ conninfo: String) async throws -> Void,
        _ body: (_ conninfo: String) async throws -> T
    ) async throws -> T {
        let template = templates.withLock { templates in
            if let task = templates[name] { return task }
            let task = Task { () async throws -> String in
                let database = "template_" + name
                _ = try await administration.value.query("CREATE DATABASE \(raw: database) TEMPLATE template1")
                try await prepare(conninfo(of: database))
                return database
            }
            templates[name] = task
            return task
        }
        return try await with(copyOf: template.value, body)
    }

    private static func with<T>(copyOf template: String, _ body: (String) async throws -> T) async throws -> T {
        let database = "test_" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let pool = try await administration.value
        _ = try await pool.query("CREATE DATABASE \(raw: database) TEMPLATE \(raw: template)")
        let result: Result<T, any Error>
        do { result = .success(try await body(conninfo(of: database))) } catch { result = .failure(error) }
        // In a task of its own, so that it happens in a cancelled test too.
        try await Task { _ = try await pool.query("DROP DATABASE \(raw: database) WITH (FORCE)") }.value
        return try result.get()
    }

    private static func conninfo(of database: String) async throws -> String {
        // The last of two equal keywords counts.
        try await PrivateServers.postgres.value + " dbname=" + database
    }
}

extension PostgresPool {
    /// Runs `body` with a pool that is closed at the end.
    public static func with<T>(
        _ conninfo: String, sessions: Int = 2, _ body: (PostgresPool) async throws -> T
    ) async throws -> T {
        var configuration = PostgresConfiguration(conninfo: conninfo)
        configuration.sessions = sessions
        return try await with(configuration, body)
    }

    /// Runs `body` with a pool that is closed at the end.
    public static func with<T>(
        _ configuration: PostgresConfiguration, _ body: (PostgresPool) async throws -> T
    ) async throws -> T {
        let pool = PostgresPool(configuration)
        defer { pool.close() }
        return try await body(pool)
    }
}
