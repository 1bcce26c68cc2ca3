import Foundation
import Postgres
import Spreadsheet
import Testing

@Suite("Command line: import") struct ImportTests {
    private static let header = ["姓名", "QQ", "性别"]

    private static func rows(_ count: Int, from first: Int = 10_000_000) -> [[String]] {
        (0..<count).map { ["客户\($0)", "\(first + $0)", $0 % 2 == 0 ? "男" : "女"] }
    }

    private static func csv(_ rows: [[String]]) -> String {
        ([header] + rows).map { $0.joined(separator: ",") }.joined(separator: "\r\n") + "\r\n"
    }

    /// A running service with one seller.
    private func with(
        conf: String = "", roles: String = "worker,scheduler", _ body: (Installation, Served) async throws -> Void
    ) async throws {
        try await Installation.with(conf: conf) { here in
            _ = try await here.run("user", "create", "zhaomin", "--seller")
            _ = try await here.run("ranks", "set", "zhaomin", "--num", "100", "--weight", "1")
            let served = try await Served.start(here, roles: roles)
            try await body(here, served)
            try await served.stop()
        }
    }

    private func count(_ here: Installation) async throws -> Int {
        try await here.query("SELECT count(*) FROM crm_customer")[0].int(0)
    }

    @Test("a csv with bad rows: exit 0, the counts, and the error sheet beside it")
    func csv() async throws {
        try await with { here, _ in
            let bad = [["", "20000000", "男"], ["重复", "10000000", "女"], ["字母", "abc", "男"]]
            try here.write(Self.csv(Self.rows(20) + bad), to: "七月 客户.v2.csv")
            let ran = try await here.run("import", "七月 客户.v2.csv")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.out.contains("read 23, ok 20, duplicate 1, error 2, skipped 0, assigned 20"), "\(ran)")
            #expect(ran.lines.count == 1)
            #expect(ran.err.contains("七月 客户.v2.errors.csv"))
            #expect(!ran.err.contains("\u{1B}"), "no terminal, no bar")
            let errors = try here.read("七月 客户.v2.errors.csv")
            #expect(errors.contains("abc"))
            #expect(errors.contains("错误原因"))
            #expect(!errors.contains("客户1,"))
            #expect(try await count(here) == 20)
        }
    }

    @Test("an xlsx, the same again, forced, and a dry run; as JSON")
    func xlsx() async throws {
        try await with { here, _ in
            var writer = try SheetWriter(format: .xlsx, path: here.folder + "/a.xlsx")
            for row in [Self.header] + Self.rows(10) { try writer.row(row) }
            try writer.finish()
            var ran = try await here.run("import", "a.xlsx", "--dry-run", "--json")
            #expect(ran.code == 0, "\(ran)")
            #expect((ran.object["rows"] as? [String: Any])?["ok"] as? Int == 10)
            #expect(ran.object["dry_run"] as? Bool == true)
            #expect(try await count(here) == 0)
            ran = try await here.run("import", here.folder + "/a.xlsx", "--json")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.object["id"] is String)
            #expect(ran.object["state"] as? String == "done")
            #expect(ran.object["assigned"] as? Int == 10)
            #expect(!here.has("a.errors.xlsx"))
            ran = try await here.run("import", "a.xlsx")
            #expect(ran.code == 2)
            #expect(ran.err.contains("--force"))
            #expect(ran.out.isEmpty)
            ran = try await here.run("import", "a.xlsx", "--force", "--duplicates", "error")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.out.contains("ok 0, duplicate 0, error 10"), "\(ran)")
            #expect(here.has("a.errors.xlsx"))
            #expect(try await count(here) == 10)
        }
    }

    @Test("files that cannot be used")
    func unusable() async throws {
        try await with { here, _ in
            try here.write("%PDF-1.7 this is no sheet", to: "a.pdf")
            try here.write("", to: "empty.csv")
            try here.write("some,words\n1,2\n", to: "words.csv")
            for (name, code) in [("a.pdf", "F_"), ("empty.csv", "F_EMPTY"), ("words.csv", "F_HEADER")] {
                let ran = try await here.run("import", name)
                #expect(ran.code == 1, "\(name): \(ran)")
                #expect(ran.err.contains(code), "\(name): \(ran)")
            }
            #expect(try await here.run("import", "none.csv").code == 2)
            let folder = try await here.run("import", here.folder)
            #expect(folder.code == 2)
            #expect(folder.err.contains("folder"))
            #expect(try await count(here) == 0)
        }
    }

    @Test("--no-wait comes back at once with a queued import, and needs nobody to work")
    func noWait() async throws {
        try await Installation.with { here in
            try here.write(Self.csv(Self.rows(3)), to: "a.csv")
            let ran = try await here.run("import", "a.csv", "--no-wait", "--json")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.object["state"] as? String == "queued", "\(ran)")
            #expect(try await here.run("import", "a.csv", "--no-wait").code == 2)
        }
    }

    @Test("over HTTP with a token; a wrong token and a service that is not there")
    func http() async throws {
        try await with(roles: "api,worker,scheduler") { here, served in
            _ = try await here.run("user", "create", "yunying", "--role", "运营")
            let token = try await here.run("token", "create", "--user", "yunying").lines.first ?? ""
            var environment = ["PAIDAN_TOKEN": String(token), "PAIDAN_HTTP_LISTEN": try served.address]
            try here.write(Self.csv(Self.rows(5) + [["", "30000000", ""]]), to: "客户 100%.csv")
            var ran = try await here.run("import", "客户 100%.csv", environment: environment)
            #expect(ran.code == 0, "\(ran) \(served.text)")
            #expect(ran.out.contains("ok 5"), "\(ran)")
            #expect(try here.read("客户 100%.errors.csv").contains("30000000"))
            let name = try await here.query("SELECT file_name FROM paidan.import_batch")[0].text(0)
            #expect(name == "客户 100%.csv")
            ran = try await here.run("import", "客户 100%.csv", environment: environment)
            #expect(ran.code == 2, "\(ran)")
            environment["PAIDAN_TOKEN"] = "wrong"
            ran = try await here.run("import", "客户 100%.csv", environment: environment)
            #expect(ran.code == 2, "\(ran)")
            #expect(ran.err.contains("401"))
            environment["PAIDAN_HTTP_LISTEN"] = "127.0.0.1:1"
            ran = try await here.run("import", "客户 100%.csv", environment: environment)
            #expect(ran.code == 1, "\(ran)")
            #expect(ran.err.contains("paidan serve"))
        }
    }

    @Test("a SIGTERM during an import loses nothing: the next process goes on where it was")
    func stop() async throws {
        try await Installation.with(conf: "[worker]\ndrain = \"50ms\"") { here in
            _ = try await here.run("user", "create", "zhaomin", "--seller")
            _ = try await here.run("ranks", "set", "zhaomin", "--num", "1000", "--weight", "1")
            try here.write(Self.csv(Self.rows(12_000)), to: "a.csv")
            var served = try await Served.start(here)
            async let imported = here.run("import", "a.csv", "--json")
            try await eventually("rows are read") {
                let rows = try await here.query("SELECT state FROM paidan.import_batch WHERE rows_read > 0")
                return !rows.isEmpty
            }
            try await served.stop()
            served = try await Served.start(here)
            let ran = try await imported
            #expect(ran.code == 0, "\(ran) \(served.text)")
            #expect(ran.object["assigned"] as? Int == 12_000, "\(ran.out)")
            #expect(try await count(here) == 12_000)
            #expect(try await here.run("doctor").out.contains("fail") == false)
            try await served.stop()
        }
    }
}
