import Postgres
import Testing

@Suite struct SQLTests {
    private static func texts(_ sql: SQL) -> [String?] {
        sql.binds.map {
            switch $0 {
            case .null: nil
            case .text(let bytes): String(decoding: bytes, as: UTF8.self)
            case .binary(let bytes): "binary \(bytes)"
            }
        }
    }

    @Test("values become numbered parameters")
    func numbers() {
        let sql: SQL = "UPDATE seat SET owner = \(7) WHERE id = \("a'; DROP TABLE seat") AND free = \(true)"
        #expect(sql.text == "UPDATE seat SET owner = $1 WHERE id = $2 AND free = $3")
        #expect(Self.texts(sql) == ["7", "a'; DROP TABLE seat", "t"])
    }

    @Test("a literal has no values, and its dollar signs stay")
    func literal() {
        let sql: SQL = "SELECT $$\(raw: "x")$$"
        #expect(sql.text == "SELECT $$x$$")
        #expect(sql.binds.isEmpty)
    }

    @Test("fragments are numbered on")
    func fragments() {
        let condition: SQL = "a = \(1) OR b = \("x")"
        let sql: SQL = "SELECT \(0) WHERE \(condition) AND \(condition) LIMIT \(9)"
        #expect(sql.text == "SELECT $1 WHERE a = $2 OR b = $3 AND a = $4 OR b = $5 LIMIT $6")
        #expect(Self.texts(sql) == ["0", "1", "x", "1", "x", "9"])
        #expect(SQL.join([condition, "c", "d = \(2)"], " AND ").text == "a = $1 OR b = $2 AND c AND d = $3")
        #expect(SQL.join([], ", ").text == "")
    }

    @Test("a missing value of each type is NULL")
    func nulls() {
        let sql: SQL = """
            \(Int?.none) \(Int64?.none) \(String?.none) \(Bool?.none) \(Double?.none) \(bytes: nil) \
            \(json: nil) \(utf8: [UInt8]?.none)
            """
        #expect(sql.text == "$1 $2 $3 $4 $5 $6 $7 $8")
        #expect(sql.binds.allSatisfy { $0 == .null })
    }

    @Test("an array is one text in PostgreSQL's form")
    func arrays() {
        let nasty: [String?] = ["", "NULL", nil, "a,b", "{x}", #"say "hi""#, #"c:\dir"#, " 派单 ", "two\nlines"]
        let sql: SQL = "\([1, -2, .min]) \([Int?.some(1), nil]) \([true, false]) \(nasty) \([String]()) \([0.5])"
        #expect(
            Self.texts(sql) == [
                "{1,-2,-9223372036854775808}", "{1,NULL}", "{t,f}",
                #"{"","NULL",NULL,"a,b","{x}","say \"hi\"","c:\\dir"," 派单 ","two"# + "\n" + #"lines"}"#, "{}",
                "{0.5}",
            ])
    }
}
