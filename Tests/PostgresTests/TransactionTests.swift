import Postgres
import TestSupport
import Testing

@Suite struct TransactionTests {
    struct Refusal: Error {}

    @Test func commits() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo) { pool in
                _ = try await pool.query("CREATE TABLE seat (id bigint PRIMARY KEY, name text)")
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
    }

    @Test("an error thrown by the body rolls the transaction back and comes out as it is")
    func rollsBack() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool in
                _ = try await pool.query("CREATE TABLE seat (id bigint PRIMARY KEY)")
                await #expect(throws: Refusal.self) {
                    try await pool.transaction { tx in
                        _ = try tx.query("INSERT INTO seat VALUES (1)")
                        throw Refusal()
                    }
                }
                #expect(try await pool.query("SELECT count(*) FROM seat")[0].int(0) == 0)
            }
        }
    }
}
