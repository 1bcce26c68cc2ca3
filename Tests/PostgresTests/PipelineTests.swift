import Postgres
import TestSupport
import Testing

@Suite struct PipelineTests {
    @Test("answers come in the order of the statements, over several pieces")
    func order() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value) { pool async throws in
            let answers = try await pool.transaction { tx in
                try tx.pipeline(
                    (0..<1000).map { $0.isMultiple(of: 2) ? "SELECT \($0)::bigint" : "SELECT -\($0)::bigint" })
            }
            #expect(try answers.map { try $0[0].int(0) } == (0..<1000).map { $0.isMultiple(of: 2) ? $0 : -$0 })
            #expect(try await pool.transaction { tx in try tx.pipeline([]) }.isEmpty)
        }
    }

    @Test("large statements and large answers at once do not lock each other out")
    func large() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value) { pool async throws in
            let text = String(repeating: "x", count: 1 << 19)
            let answers = try await pool.transaction { tx in
                try tx.pipeline((0..<100 / BuildPace.slowness).map { "SELECT \(text)::text || \($0)::text" })
            }
            #expect(try answers.enumerated().allSatisfy { try $1[0].text(0) == text + "\($0)" })
        }
    }

    @Test("an error in the middle names its statement; the transaction is rolled back, the session goes on")
    func error() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE seat (id bigint CONSTRAINT seat_number PRIMARY KEY)")
                // Refused when run, when prepared, and in a later piece.
                let statements: [[SQL]] = [
                    [1, 2, 2, 3].map { "INSERT INTO seat VALUES (\($0))" },
                    ["INSERT INTO seat VALUES (4)", "SELECT 5", "SELEC 1", "INSERT INTO seat VALUES (6)"],
                    (0..<600).map { $0 == 500 ? "SELECT 1 / \($0 - 500)" : "SELECT \($0)::int" },
                ]
                let expected = [(2, "23505"), (2, "42601"), (500, "22012")]
                for (list, (index, state)) in zip(statements, expected) {
                    let error = await #expect(throws: PostgresError.self) {
                        try await pool.transaction { tx in try tx.pipeline(list) }
                    }
                    #expect(error?.statement == index)
                    #expect(error?.sqlState == state)
                    #expect(error?.mayHaveRun == false)
                    if state == "23505" { #expect(error?.constraint == "seat_number") }
                }
                #expect(try await pool.query("SELECT count(*) FROM seat")[0].int(0) == 0)
                let zero = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in try tx.pipeline(["SELECT 1", "SELECT \("\0")::text"]) }
                }
                #expect(zero?.code == .binding)
                #expect(zero?.statement == 1)
                let kept = try await pool.transaction { tx in
                    _ = try? tx.savepoint { tx in try tx.pipeline(statements[0]) }
                    return try tx.pipeline([7, 8].map { "INSERT INTO seat VALUES (\($0))" }).map { $0.affected }
                }
                #expect(kept == [1, 1])
            }
        }
    }

    @Test("a pipeline prepares each text once")
    func prepares() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1) { pool async throws in
            for _ in 0..<2 {
                _ = try await pool.transaction { tx in
                    try tx.pipeline((0..<20).map { "SELECT /* once */ \($0)::int" })
                }
            }
            let count: SQL = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%on' || 'ce%'"
            #expect(try await pool.query(count)[0].int(0) == 1)
        }
    }
}
