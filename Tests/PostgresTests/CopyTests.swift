import Postgres
import TestSupport
import Testing

@Suite struct CopyTests {
    struct Refusal: Error {}

    @Test("100 000 rows with everything that needs an escape are stored as given")
    func copyIn() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (id bigint, name text, ids bigint[], tags text[], raw bytea)")
                let nasty = [
                    "tab\there", "line\nfeed\r", #"back\slash \N \."#, #"\."#, "派单", "", #"\\n"#, "\u{8}\u{b}",
                ]
                let stored = try await pool.transaction { tx in
                    try tx.copyIn("COPY t FROM STDIN") { rows in
                        for number in 0..<100_000 {
                            rows.field(number)
                            if number % 9 == 8 { rows.null() } else { rows.field(nasty[number % 9]) }
                            rows.array([number, -number])
                            rows.array(["a\"\\,", nil, "x\ty"])
                            rows.bytes([0, 92, 255])
                            rows.endRow()
                        }
                    }
                }
                #expect(stored == 100_000)
                let rows = try await pool.query("SELECT name, count(*) FROM t GROUP BY 1")
                #expect(rows.count == 9)
                #expect(Set(rows.compactMap { $0.optionalText(0) }) == Set(nasty))
                #expect(try rows.allSatisfy { try $0.int(1) > 11_000 })
                let row = try await pool.query("SELECT ids, tags[1], tags[2], tags[3], raw FROM t WHERE id = 77")[0]
                #expect(try row.text(0) == "{77,-77}")
                #expect(try row.text(1) == "a\"\\,")
                #expect(row.isNull(2))
                #expect(try row.text(3) == "x\ty")
                #expect(try row.bytes(4) == [0, 92, 255])
            }
        }
    }

    @Test("a body that throws, and a row the server refuses, store nothing")
    func copyInFails() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo, sessions: 1) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (id bigint PRIMARY KEY)")
                await #expect(throws: Refusal.self) {
                    try await pool.transaction { tx in
                        _ = try tx.copyIn("COPY t FROM STDIN") { rows in
                            rows.field(1)
                            rows.endRow()
                            throw Refusal()
                        }
                    }
                }
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in
                        _ = try tx.copyIn("COPY t FROM STDIN") { rows in
                            rows.field("no number")
                            rows.endRow()
                        }
                    }
                }
                #expect(error?.sqlState == "22P02")
                #expect(error?.message.contains("no number") == false)
                #expect(try await pool.query("SELECT count(*) FROM t")[0].int(0) == 0)
                let kept = try await pool.transaction { tx in
                    #expect(throws: Refusal.self) {
                        try tx.savepoint { tx in _ = try tx.copyIn("COPY t FROM STDIN") { _ in throw Refusal() } }
                    }
                    return try tx.copyIn("COPY t FROM STDIN") { rows in
                        rows.field(5)
                        rows.endRow()
                    }
                }
                #expect(kept == 1)
            }
        }
    }

    @Test("a field longer than the buffer is sent whole")
    func longField() async throws {
        try await FreshDatabase.with { conninfo in
            try await PostgresPool.with(conninfo) { pool async throws in
                _ = try await pool.query("CREATE TABLE t (a text, b text)")
                let long = String(repeating: "x\t", count: 200_000)
                _ = try await pool.transaction { tx in
                    try tx.copyIn("COPY t FROM STDIN") { rows in
                        rows.field(long)
                        rows.field(long.utf8.dropFirst(1).prefix(3))
                        rows.endRow()
                    }
                }
                let row = try await pool.query("SELECT a, b FROM t")[0]
                #expect(try row.text(0) == long)
                #expect(try row.text(1) == "\tx\t")
            }
        }
    }

    @Test("COPY out gives each line; a body that throws leaves the transaction usable")
    func copyOut() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value) { pool async throws in
            let result = try await pool.transaction { tx in
                var count = 0
                var first = ""
                try tx.copyOut("COPY (SELECT n, E'a\\tb', NULL FROM generate_series(1, 100000) n) TO STDOUT") { line in
                    if count == 0 { first = String(decoding: line, as: UTF8.self) }
                    count += 1
                }
                #expect(throws: Refusal.self) {
                    try tx.copyOut("COPY (SELECT generate_series(1, 100000)) TO STDOUT") { _ in throw Refusal() }
                }
                #expect(try tx.query("SELECT 1")[0].int(0) == 1)
                return (count, first)
            }
            #expect(result.0 == 100_000)
            #expect(result.1 == "1\ta\\tb\t\\N")
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in
                    try tx.copyOut("COPY (SELECT 1 / (3 - n) FROM generate_series(1, 9) n) TO STDOUT") { _ in }
                }
            }
            #expect(error?.sqlState == "22012")
        }
    }

    @Test("COPY where it does not belong is an error, and the session recovers")
    func misplaced() async throws {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1) { pool async throws in
            let query = await #expect(throws: PostgresError.self) { try await pool.query("COPY (SELECT 1) TO STDOUT") }
            #expect(query?.code == .binding)
            let wrong = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in _ = try tx.copyIn("COPY (SELECT 1) TO STDOUT") { _ in } }
            }
            #expect(wrong?.code == .binding)
            let none = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in try tx.copyOut("SELECT 1") { _ in } }
            }
            #expect(none?.code == .binding)
            let script = await #expect(throws: PostgresError.self) {
                try await pool.transaction { tx in try tx.run(script: "COPY (SELECT 1) TO STDOUT") }
            }
            #expect(script?.code == .binding)
            for statements in [["COPY (SELECT 1) TO STDOUT"], ["SELECT 1", "COPY (SELECT 1) TO STDOUT"]] as [[SQL]] {
                let asked = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in for statement in statements { _ = try tx.query(statement) } }
                }
                #expect(asked?.code == .binding)
                let piped = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { tx in _ = try tx.pipeline(statements) }
                }
                #expect(piped?.code == .binding && piped?.statement == statements.count - 1)
            }
            #expect(try await pool.query("SELECT 1")[0].int(0) == 1)
        }
    }
}
