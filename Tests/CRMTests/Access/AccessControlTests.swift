import JobsPostgres
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite struct AccessControlTests {
    /// A token that is used is renewed, so that 30 s count from when it was seen, not from when it was loaded.
    @Test func aSeenTokenIsGoodForHalfAMinuteWithoutTheDatabase() async throws {
        try await PrivatePostgres.with { server in
            try await PostgresPool.with(server.conninfo) { pool in
                try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
                let users = UserStore(pool: pool)
                _ = try await users.create(name: "somebody", roles: [], seller: false)
                var random = SystemRandomNumberGenerator()
                let token = try await users.createToken(user: "somebody", lifetime: nil, random: &random).token
                let ahead = Lock(Duration.zero)
                let access = AccessControl(pool: pool) { .now + ahead.withLock { $0 } }
                #expect(try await access.caller(token: token)?.name == "somebody")
                let loaded = try await lastUse(pool)

                ahead.withLock { $0 = .seconds(20) }
                #expect(try await access.caller(token: token) != nil)
                while try await lastUse(pool) == loaded { try await Task.sleep(for: .milliseconds(5)) }

                try await server.kill()
                ahead.withLock { $0 = .seconds(45) }
                #expect(try await access.caller(token: token)?.name == "somebody")
                ahead.withLock { $0 = .seconds(75) }
                let answer = Task { try await access.caller(token: token) }
                answer.cancel()
                await #expect(throws: PostgresError.self) { try await answer.value }
            }
        }
    }

    @Test func aChangeMakesEntriesStaleButNotUselessWhileTheDatabaseIsAway() async throws {
        try await PrivatePostgres.with { server in
            var configuration = PostgresConfiguration(conninfo: server.conninfo)
            configuration.patience = .milliseconds(100)
            let pool = PostgresPool(configuration)
            defer { pool.close() }
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            let users = UserStore(pool: pool)
            _ = try await users.create(name: "somebody", roles: [], seller: false)
            var random = SystemRandomNumberGenerator()
            let made = try await users.createToken(user: "somebody", lifetime: nil, random: &random)
            let ahead = Lock(Duration.zero)
            let access = AccessControl(pool: pool) { .now + ahead.withLock { $0 } }
            #expect(try await access.caller(token: made.token) != nil)
            try await server.kill()
            access.forgetAll()
            #expect(try await access.caller(token: made.token)?.name == "somebody")
            ahead.withLock { $0 = .seconds(31) }
            await #expect(throws: PostgresError.self) { try await access.caller(token: made.token) }
            // It is back: what was changed counts at once.
            try await server.launch()
            ahead.withLock { $0 = .zero }
            try await retrying { _ = try await pool.query("UPDATE paidan.api_token SET revoked_at = now()") }
            access.forgetAll()
            #expect(try await access.caller(token: made.token) == nil)
        }
    }

    private func retrying(_ body: () async throws -> Void) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while true {
            do { return try await body() } catch  where ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func lastUse(_ pool: PostgresPool) async throws -> String? {
        try await pool.query("SELECT last_used_at::text FROM paidan.api_token")[0].optionalText(0)
    }
}
