import CRM
import Jobs
import JobsPostgres
import JobsRedis
import Logging
import Postgres
import Redis

/// The connections that commands work with.
enum Stores {
    static let migrations = EngineMigrations.all + CRMMigrations.all

    /// Runs `body` with a pool that is closed afterwards.
    static func withPostgres<Result>(
        _ conf: JobsConf, _ body: (PostgresPool) async throws -> Result
    ) async throws -> Result {
        var configuration = conf.postgres
        configuration.sessions = 1
        configuration.patience = Composition.patience
        let pool = PostgresPool(configuration)
        defer { pool.close() }
        return try await body(pool)
    }
}
