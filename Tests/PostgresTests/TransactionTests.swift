import Postgres
import TestSupport
import Testing

@Suite struct TransactionTests {
    struct Refusal: Error {}

    private static func seats<T>(_ sessions: Int = 2, _ body: (PostgresPool) async throws -> T) async throws -> T {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: sessions) { pool async throws in
                _ = try await pool.query("CREATE TABLE seat (id bigint PRIMARY KEY, name text)")
                return try await body(pool)
            }
        }
    }

    private static func count(_ pool: PostgresPool) async throws -> Int {
        try await pool.query("SELECT count(*) FROM seat")[0].int(0)
    }

    @Test func commits() async throws {
        try await Self.seats { pool async throws in
            let inserted = try await pool.transaction { tx in
                try tx.query("INSERT INTO seat VALUES (1, \("甲")), (2, \(String?.none))").affected
            }
            #expect(inserted == 2)
            let rows = try await pool.query("SELECT id, name FROM seat ORDER BY id")
            #expect(try rows.map { try $0.int(0) } == [1, 2])
            #expect(try rows[0].text(1) == "甲")
            #expect(rows[1].isNull(1))
        }
    }

    @Test("an error thrown by the body rolls the transaction back and comes out as it is")
    func rollsBack() async throws {
        try await Self.seats(1) { pool async throws in
            await #expect(throws: Refusal.self) {
                try await pool.transaction { tx in
                    _ = try tx.query("INSERT INTO seat VALUES (1)")
                    throw Refusal()
                }
            }
            #expect(try await Self.count(pool) == 0)
        }
    }

    @Test("a failed statement that the body passes over is an error of the transaction")
    func swallowed() async throws {
        try await Self.seats(1) { pool async throws in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in
                    _ = try tx.query("INSERT INTO seat VALUES (1)")
                    _ = try? tx.query("INSERT INTO seat VALUES (1)")
                    _ = try? tx.query("SELECT 1")
                }
            }
            #expect(error?.sqlState == "23505")
            #expect(error?.constraint == "seat_pkey")
            #expect(error?.mayHaveRun == false)
            #expect(try await Self.count(pool) == 0)
        }
    }

    @Test("errors say what the server said, without values")
    func errors() async throws {
        try await Self.seats(1) { pool async throws in
            _ = try await pool.query("INSERT INTO seat VALUES (4711, 'secret')")
            let double = await #expect(throws: PostgresError.self) {
                try await pool.query("INSERT INTO seat VALUES (\(4711), \("secret"))")
            }
            #expect(double?.message == #"duplicate key value violates unique constraint "seat_pkey""#)
            #expect(double?.code == .server)
            #expect(double?.isInfrastructure == false)
            let syntax = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT \("secret")::text::date")
            }
            #expect(syntax?.message == #"invalid input syntax for type date: "…""#)
            let hint = await #expect(throws: PostgresError.self) { try await pool.query("SELECT nam FROM seat") }
            #expect(hint?.message.contains("hint:") == true)
            #expect("\(hint as Any)".contains("42703"))
        }
    }

    @Test("a savepoint undoes only what happened in it")
    func savepoints() async throws {
        try await Self.seats(1) { pool async throws in
            try await pool.transaction { tx in
                _ = try tx.query("INSERT INTO seat VALUES (1)")
                #expect(throws: Refusal.self) {
                    try tx.savepoint { tx in
                        _ = try tx.query("INSERT INTO seat VALUES (2)")
                        throw Refusal()
                    }
                }
                #expect(throws: PostgresError.self) {
                    try tx.savepoint { tx in _ = try tx.query("INSERT INTO seat VALUES (1)") }
                }
                #expect(throws: PostgresError.self) {
                    try tx.savepoint { tx in _ = try? tx.query("INSERT INTO seat VALUES (1)") }
                }
                try tx.savepoint { tx in
                    _ = try tx.query("INSERT INTO seat VALUES (3)")
                    _ = try? tx.savepoint { tx in _ = try tx.query("INSERT INTO seat VALUES (3)") }
                }
            }
            #expect(try await pool.query("SELECT id FROM seat ORDER BY 1").map { try $0.int(0) } == [1, 3])
        }
    }

    @Test("a script runs all its statements; it may not end the transaction")
    func scripts() async throws {
        try await Self.seats(1) { pool async throws in
            try await pool.transaction { tx in
                try tx.run(script: "INSERT INTO seat VALUES (1); INSERT INTO seat VALUES (2, 'a;b')")
            }
            #expect(try await Self.count(pool) == 2)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in try tx.run(script: "INSERT INTO seat VALUES (3); COMMIT") }
            }
            #expect(error?.mayHaveRun == true)
            let middle = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in try tx.run(script: "INSERT INTO seat VALUES (4); SELEC; SELECT 1") }
            }
            #expect(middle?.sqlState == "42601")
            #expect(try await Self.count(pool) == 3)
        }
    }

    @Test("of two transactions in a deadlock one is run again, and both commit")
    func deadlock() async throws {
        try await Self.seats(2) { pool async throws in
            _ = try await pool.query("INSERT INTO seat VALUES (1, ''), (2, '')")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (first, second) in [(1, 2), (2, 1)] {
                    group.addTask {
                        try await pool.transaction { tx in
                            _ = try tx.query("SET LOCAL deadlock_timeout = '10ms'")
                            _ = try tx.query("UPDATE seat SET name = name || 'x' WHERE id = \(first)")
                            // Both hold their first row before either asks for its second.
                            _ = try tx.query("SELECT pg_advisory_xact_lock_shared(\(first))")
                            for _ in 0..<200 {
                                let held = try tx.query(
                                    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = \(second)::int::oid"
                                )
                                if !held.isEmpty { break }
                                _ = try tx.query("SELECT pg_sleep(0.002)")
                            }
                            _ = try tx.query("UPDATE seat SET name = name || 'x' WHERE id = \(second)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.query("SELECT name FROM seat").map { try $0.text(0) } == ["xx", "xx"])
            #expect(pool.statistics.retries == 1)
        }
    }

    @Test("a transaction that cannot be serialized is run once more, not twice")
    func serialization() async throws {
        try await Self.seats(1) { pool async throws in
            let sql: SQL = "DO $$ BEGIN RAISE 'not now' USING ERRCODE = '40001'; END $$"
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in _ = try tx.query(sql) }
            }
            #expect(error?.sqlState == "40001")
            #expect(pool.statistics.retries == 1)
            await #expect(throws: PostgresError.self) { try await pool.query(sql) }
            #expect(pool.statistics.retries == 2)
        }
    }
}
