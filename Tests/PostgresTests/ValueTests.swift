import Postgres
import TestSupport
import Testing

@Suite struct ValueTests {
    private static func pool<T>(_ body: (PostgresPool) async throws -> T) async throws -> T {
        try await PostgresPool.with(try await PrivateServers.postgres.value, sessions: 1, body)
    }

    @Test("each kind of value comes back as it went")
    func roundTrip() async throws {
        try await Self.pool { pool async throws in
            let all = [UInt8](0...255)
            let sql: SQL = """
                SELECT \(Int.min)::bigint, \(Int64.max)::bigint, \("派'单\\\"")::text, \(true)::boolean, \(false)::boolean,
                \(0.1)::float8, \(-Double.infinity)::float8, \(Double.leastNonzeroMagnitude)::float8,
                \(bytes: all)::bytea, \(bytes: [])::bytea, \(json: Array(#"{"a": [1, "é"]}"#.utf8))::json, \("")::text
                """
            let row = try #require(try await pool.query(sql).first)
            #expect(try row.int(0) == .min)
            #expect(try row.int(1) == .max)
            #expect(try row.text(2) == "派'单\\\"")
            #expect(try row.bool(3))
            #expect(try !row.bool(4))
            #expect(try row.double(5) == 0.1)
            #expect(try row.double(6) == -.infinity)
            #expect(try row.double(7) == .leastNonzeroMagnitude)
            #expect(try row.bytes(8) == all)
            #expect(try row.bytes(9).isEmpty)
            #expect(try String(decoding: row.utf8(10), as: UTF8.self) == #"{"a": [1, "é"]}"#)
            #expect(try row.text(11) == "")
            #expect(try await pool.query("SELECT \(Double.nan)::float8")[0].double(0).isNaN)
        }
    }

    @Test("NULL is nil, and an error where a value is asked for")
    func nulls() async throws {
        try await Self.pool { pool async throws in
            let rows = try await pool.query("SELECT \(Int?.none)::bigint AS id, 1, \(bytes: nil)::bytea")
            let row = rows[0]
            #expect(rows.columns == ["id", "?column?", "bytea"])
            #expect(row.isNull(0) && !row.isNull(1))
            #expect(try row.optionalInt(0) == nil)
            #expect(row.optionalText(0) == nil && row.optionalUTF8(0) == nil)
            #expect(try row.optionalBytes(2) == nil)
            let error = #expect(throws: PostgresError.self) { try row.int(0) }
            #expect(error?.code == .decoding)
            #expect(error?.message == "column id is NULL")
        }
    }

    @Test("a value that does not fit its type is an error that does not show it")
    func misfits() async throws {
        try await Self.pool { pool async throws in
            let row = try await pool.query("SELECT 'secret' AS word, 9223372036854775808::numeric, '', '-', '1.5'")[0]
            #expect(throws: PostgresError(code: .decoding, message: "column word is no whole number")) {
                try row.int(0)
            }
            for column in 1...4 { #expect(throws: PostgresError.self) { try row.int(column) } }
            #expect(throws: PostgresError.self) { try row.bool(0) }
            #expect(throws: PostgresError.self) { try row.bytes(0) }
            #expect(throws: PostgresError.self) { try row.double(0) }
        }
    }

    @Test("arrays of nasty texts come back")
    func arrays() async throws {
        try await Self.pool { pool async throws in
            let nasty = [
                "", "NULL", "null", "a,b", "{}", "{\"x\"}", "\\", "\\\\n", "\"", "'", " leading", "two\nlines\r\t",
                "派单🧧",
            ]
            let rows = try await pool.query("SELECT t FROM unnest(\(nasty)::text[]) WITH ORDINALITY u(t, n) ORDER BY n")
            #expect(try rows.map { try $0.text(0) } == nasty)
            let mixed: [String?] = [nil, "NULL", nil]
            let back = try await pool.query("SELECT t FROM unnest(\(mixed)::text[]) WITH ORDINALITY u(t, n) ORDER BY n")
            #expect(back.map { $0.optionalText(0) } == mixed)
            let ids = [3, 1, 2]
            #expect(try await pool.query("SELECT 1 WHERE 2 = ANY(\(ids)::bigint[])").count == 1)
            #expect(try await pool.query("SELECT 1 WHERE 2 = ANY(\([Int]())::bigint[])").isEmpty)
            let json: [[UInt8]?] = [Array(#"{"a":"b\\c"}"#.utf8), nil]
            let docs = try await pool.query("SELECT j->>'a' FROM unnest(\(utf8: json)::json[]) j")
            #expect(docs.map { $0.optionalText(0) } == [#"b\c"#, nil])
        }
    }

    @Test("10 MB go there and back, as text and as bytes")
    func large() async throws {
        try await Self.pool { pool async throws in
            var bytes = [UInt8](repeating: 0, count: 10 << 20)
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
            let row = try await pool.query("SELECT \(bytes: bytes), length(\(bytes: bytes)::bytea)")[0]
            #expect(try row.bytes(0) == bytes)
            #expect(try row.int(1) == 10 << 20)
            let text = String(repeating: "派单0", count: (10 << 20) / 7)
            #expect(try await pool.query("SELECT \(text)::text")[0].text(0) == text)
        }
    }

    @Test("a zero byte in a text, and too many values, are refused; the session goes on")
    func refusals() async throws {
        try await Self.pool { pool async throws in
            let zero = await #expect(throws: PostgresError.self) { try await pool.query("SELECT \("a\0b")::text") }
            #expect(zero?.code == .binding)
            #expect(zero?.message == "value $1 is a text with a zero byte, which PostgreSQL cannot store")
            let array = await #expect(throws: PostgresError.self) {
                try await pool.query("SELECT \(["x", "\0"])::text[]")
            }
            #expect(array?.code == .binding)
            let text = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1\0, 2") }
            #expect(text?.code == .binding)
            let many = SQL.join((0..<70_000).map { "\($0)" as SQL }, ",")
            let tooMany = await #expect(throws: PostgresError.self) { try await pool.query("SELECT \(many)") }
            #expect(tooMany?.code == .binding)
            #expect(try await pool.query("SELECT \(bytes: [0, 1, 0])")[0].bytes(0) == [0, 1, 0])
        }
    }

    @Test("sessions speak UTF-8, ISO dates and the configured time zone")
    func settings() async throws {
        var configuration = PostgresConfiguration(conninfo: try await PrivateServers.postgres.value)
        configuration.timeZone = "Asia/Shanghai"
        try await PostgresPool.with(configuration) { pool async throws in
            let row = try await pool.query(
                """
                SELECT current_setting('client_encoding'), timestamptz '2024-05-01 00:00:00Z', interval '1 day 2 hours',
                current_setting('application_name'), current_setting('search_path')
                """)[0]
            #expect(try row.text(0) == "UTF8")
            #expect(try row.text(1) == "2024-05-01 08:00:00+08")
            #expect(try row.text(2) == "P1DT2H")
            #expect(try row.text(3) == "paidan")
            #expect(try row.text(4) == #""$user", public"#)
        }
        try await Self.pool { pool async throws in
            #expect(try await pool.query("SHOW TimeZone")[0].text(0) == "UTC")
        }
    }
}
