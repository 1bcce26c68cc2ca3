import Postgres
import TestSupport
import Testing

@Suite struct PreparedTests {
    private static func prepared(_ pool: PostgresPool, _ mark: String) async throws -> Int {
        try await pool.query(
            "SELECT count(*) FROM pg_prepared_statements WHERE strpos(statement, '/* ' || \(mark) || ' */') > 0")[0]
            .int(0)
    }

    private static func pool<T>(
        _ limit: Int = 500, _ body: (PostgresPool) async throws -> T
    ) async throws -> T {
        try await FreshDatabase.with { conninfo in
            var configuration = PostgresConfiguration(conninfo: conninfo)
            configuration.sessions = 1
            configuration.preparedLimit = limit
            return try await PostgresPool.with(configuration, body)
        }
    }

    @Test("a text is prepared once, in queries and transactions alike")
    func once() async throws {
        try await Self.pool { pool async throws in
            for number in 0..<5 {
                _ = try await pool.query("SELECT /* one */ \(number)::int")
                _ = try await pool.transaction { tx in try tx.query("SELECT /* one */ \(number)::int") }
            }
            #expect(try await Self.prepared(pool, "one") == 1)
        }
    }

    @Test("a failed transaction forgets no statement and keeps none that was not prepared")
    func failed() async throws {
        try await Self.pool { pool async throws in
            await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in
                    _ = try tx.query("SELECT /* one */ 1")
                    _ = try? tx.query("SELECT 1 / 0")
                    _ = try tx.query("SELECT /* two */ 2")
                }
            }
            #expect(try await pool.query("SELECT /* one */ 1")[0].int(0) == 1)
            #expect(try await pool.query("SELECT /* two */ 2")[0].int(0) == 2)
            #expect(try await Self.prepared(pool, "one") == 1)
            #expect(try await Self.prepared(pool, "two") == 1)
        }
    }

    @Test("no more statements stay prepared than may; those in use stay")
    func bounded() async throws {
        try await Self.pool(8) { pool async throws in
            for number in 0..<50 {
                #expect(try await pool.query("SELECT \(raw: "\(number)")")[0].int(0) == number)
                _ = try await pool.query("SELECT /* used */ 1")
            }
            let row = try await pool.query(
                "SELECT count(*), count(*) FILTER (WHERE statement LIKE '%used%') FROM pg_prepared_statements")[0]
            #expect(try row.int(0) <= 8)
            #expect(try row.int(1) >= 1)
        }
    }

    @Test("one text with a bytea and with a text in the same place")
    func types() async throws {
        try await Self.pool { pool async throws in
            #expect(try await pool.query("SELECT \(bytes: [1])::bytea")[0].bytes(0) == [1])
            #expect(try await pool.query("SELECT \("\\x02")::bytea")[0].bytes(0) == [2])
            #expect(try await pool.query("SELECT \(bytes: [1])::bytea")[0].bytes(0) == [1])
        }
    }

    @Test("a changed table and DISCARD ALL go unnoticed by callers")
    func stale() async throws {
        try await Self.pool { pool async throws in
            _ = try await pool.query("CREATE TABLE t (a int)")
            _ = try await pool.query("SELECT * FROM t")
            _ = try await pool.query("ALTER TABLE t ADD b int")
            #expect(try await pool.query("SELECT * FROM t").columns == ["a", "b"])
            _ = try await pool.query("ALTER TABLE t ADD c int")
            #expect(try await pool.transaction { tx in try tx.query("SELECT * FROM t").columns } == ["a", "b", "c"])
            _ = try await pool.query("ALTER TABLE t ADD d int")
            let answers = try await pool.transaction { tx in try tx.pipeline(["SELECT 1", "SELECT * FROM t"]) }
            #expect(answers[1].columns.count == 4)
            _ = try await pool.query("DISCARD ALL")
            #expect(try await pool.query("SELECT * FROM t").columns.count == 4)
            _ = try await pool.query("SELECT 1")
            _ = try await pool.query("DISCARD ALL")
            let columns = try await pool.transaction { tx in
                _ = try tx.query("SELECT 1")
                return try tx.query("SELECT * FROM t").columns
            }
            #expect(columns.count == 4)
        }
    }

    @Test("where BEGIN was refused nothing runs, also if the body passes over the error; it is run again")
    func staleBegin() async throws {
        try await Self.pool { pool async throws in
            _ = try await pool.query("CREATE TABLE s (id bigint GENERATED ALWAYS AS IDENTITY)")
            try await pool.transaction { tx in _ = try tx.query("INSERT INTO s DEFAULT VALUES") }
            _ = try await pool.query("DISCARD ALL")
            await #expect(throws: CancellationError.self) {
                try await pool.transaction { tx in
                    _ = try? tx.query("SELECT 1")
                    _ = try tx.query("INSERT INTO s DEFAULT VALUES")
                    throw CancellationError()
                }
            }
            #expect(try await pool.query("SELECT count(*) FROM s")[0].int(0) == 1)
            _ = try await pool.query("DISCARD ALL")
            try await pool.transaction { tx in
                _ = try? tx.query("INSERT INTO s DEFAULT VALUES")
                _ = try? tx.query("INSERT INTO s DEFAULT VALUES")
            }
            #expect(try await pool.query("SELECT count(*) FROM s")[0].int(0) == 3)
        }
    }
}
