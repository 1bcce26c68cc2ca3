import TestSupport
import Testing

@testable import Postgres

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

    @Test("statements for which nobody waits run in their order, before what is asked next, or with the commit")
    func later() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE seat (id bigint PRIMARY KEY)")
                let seen = try await pool.transaction { tx in
                    tx.later([Statement("INSERT INTO seat VALUES (1)"), Statement("INSERT INTO seat VALUES (2)")])
                    let first = try tx.query("SELECT count(*), pg_current_xact_id() FROM seat")[0]
                    tx.later([Statement("DELETE FROM seat WHERE id = 1")])
                    let ids = try tx.run(Statement("SELECT min(id) FROM seat") { try $0[0].int(0) })
                    tx.later([Statement("INSERT INTO seat SELECT id + 1 FROM seat")])
                    return [try first.int(0), ids]
                }
                #expect(seen == [2, 2])
                #expect(try await pool.query("SELECT id FROM seat ORDER BY id").map { try $0.int(0) } == [2, 3])
                #expect(try await pool.transaction { _ in 5 } == 5)
            }
        }
    }

    @Test("what is wrong with them fails the transaction, wherever it is noticed; a savepoint keeps its own to itself")
    func laterFailures() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE seat (id bigint PRIMARY KEY)")
                let refused = Statement<Void>("INSERT INTO seat VALUES (1)") { _ in throw Unreadable() }
                let broken = Statement<Void>("SELECT 1 / 0")
                await #expect(throws: Unreadable.self) { try await pool.transaction { tx in tx.later([refused]) } }
                await #expect(throws: Unreadable.self) {
                    try await pool.transaction { tx in
                        tx.later([refused])
                        _ = try tx.query("SELECT 1")
                    }
                }
                for count in 0...1 {
                    let error = await #expect(throws: PostgresError.self) {
                        try await pool.transaction { tx in
                            tx.later([broken])
                            for _ in 0..<count { _ = try? tx.query("SELECT 1") }
                        }
                    }
                    #expect(error?.sqlState == "22012" && error?.statement == nil)
                }
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in
                        tx.later([Statement("SELECT 1")])
                        _ = try tx.run(Statement("SELECT 2"), broken)
                    }
                }
                #expect(error?.statement == 1)
                try await pool.transaction { tx in
                    tx.later([Statement("INSERT INTO seat VALUES (7)")])
                    for statement in [refused, broken] {
                        try? tx.savepoint { tx in
                            tx.later([statement, Statement("INSERT INTO seat VALUES (8)")])
                            if statement.sql.text.contains("seat") { throw Unreadable() }
                        }
                    }
                    for isAsked in [true, false] {
                        #expect(throws: Unreadable.self) {
                            try tx.savepoint { tx in
                                tx.later(refused)
                                if isAsked { _ = try tx.query("SELECT 1") }
                            }
                        }
                    }
                }
                #expect(try await pool.query("SELECT id FROM seat").map { try $0.int(0) } == [7])
                // More than one part of a pipeline.
                try await pool.transaction { tx in
                    tx.later((1000..<1600).map { Statement("INSERT INTO seat VALUES (\($0)::bigint)") })
                }
                #expect(try await pool.query("SELECT count(*) FROM seat")[0].int(0) == 601)
            }
        }
    }

    @Test("what cannot be bound loses nothing of what waits")
    func unbound() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE seat (name text)")
                try await pool.transaction { tx in
                    tx.later([Statement("INSERT INTO seat VALUES ('a')")])
                    let error = #expect(throws: PostgresError.self) { _ = try tx.query("SELECT \("a\0b")") }
                    #expect(error?.code == .binding)
                }
                #expect(try await pool.query("SELECT count(*) FROM seat")[0].int(0) == 1)
            }
        }
    }
}
