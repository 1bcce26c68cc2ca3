import Postgres
import TestSupport
import Testing

@Suite("Statements with readers")
struct StatementTests {
    private struct Unreadable: Error {}

    @Test("answers of several types come from one round trip, in their order")
    func answers() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1) { pool async throws in
            let (number, _, words, moments) = try await pool.transaction { tx in
                try tx.run(
                    Statement("SELECT 7") { try $0[0].int(0) },
                    Statement("SELECT set_config('application_name', 'statement', true)"),
                    Statement("SELECT * FROM unnest(ARRAY['a', 'b'])") { try $0.map { try $0.text(0) } },
                    Statement("SELECT now() = statement_timestamp(), current_setting('application_name')") {
                        (try $0[0].bool(0), try $0[0].text(1))
                    })
            }
            #expect(number == 7)
            #expect(words == ["a", "b"])
            // A statement of its own, not the first one's snapshot, and after the others.
            #expect(moments == (false, "statement"))
            let squares = try await pool.transaction { tx in
                try tx.run(
                    (1...3).map { number in Statement("SELECT \(number)::int * \(number)::int") { try $0[0].int(0) } })
            }
            #expect(squares == [1, 4, 9])
        }
    }

    @Test("what a reader throws rolls back; a statement that fails is named")
    func failures() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE seat (id bigint PRIMARY KEY)")
                await #expect(throws: Unreadable.self) {
                    try await pool.transaction { tx in
                        try tx.run(
                            Statement("INSERT INTO seat VALUES (1)") { _ in throw Unreadable() },
                            Statement("INSERT INTO seat VALUES (2)"))
                    }
                }
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in
                        try tx.run(Statement("INSERT INTO seat VALUES (3)"), Statement("SELECT 1 / 0"))
                    }
                }
                #expect(error?.statement == 1)
                #expect(try await pool.query("SELECT count(*) FROM seat")[0].int(0) == 0)
            }
        }
    }
}
