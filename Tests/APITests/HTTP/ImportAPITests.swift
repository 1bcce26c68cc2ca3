import Postgres
import TestSupport
import Testing

@testable import PaidanCommand

@Suite struct ImportAPITests {
    private func csv(_ qq: ClosedRange<Int>, bad: Int = 0) -> String {
        "姓名,QQ,来历\n" + qq.map { "张三,\($0),网\n" }.joined() + String(repeating: "李四,c,网\n", count: bad)
    }

    private func upload(
        _ query: String, _ body: String, disposition: String = "attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.csv"
    ) async throws -> Answer {
        try await TestService.shared.value.ask(
            "POST", "/v1/imports\(query)", body,
            headers: [("Content-Disposition", disposition), ("Content-Type", "text/csv")])
    }

    private func form(_ parts: [(head: String, body: String)], query: String = "") async throws -> Answer {
        let text =
            parts.map { "--b0undary\r\nContent-Disposition: form-data; \($0.head)\r\n\r\n\($0.body)\r\n" }.joined()
            + "--b0undary--\r\n"
        return try await TestService.shared.value.ask(
            "POST", "/v1/imports\(query)", text, type: "multipart/form-data; boundary=b0undary")
    }

    private func ended(_ answer: Answer, _ state: String = "done") async throws -> JSON {
        let service = try await TestService.shared.value
        let id = try #require(answer.json["id"].string, "\(answer.text)")
        var view = JSON.missing
        let came = try await eventually {
            view = try await service.ask("GET", "/v1/imports/\(id)").json
            return !["queued", "running"].contains(view["state"].string)
        }
        #expect(came)
        #expect(view["state"].string == state, "\(view.raw ?? "")")
        return view
    }

    @Test func rawFileFromUploadToUndo() async throws {
        let service = try await TestService.shared.value
        let answer = try await upload("", csv(800_001...800_130, bad: 3))
        #expect(answer.status == 202, "\(answer.text)")
        let id = try #require(answer.json["id"].string)
        #expect(answer["location"] == "/v1/imports/\(id)")
        #expect(answer.json["state"].string == "queued")
        #expect(answer.json["job_id"].string != nil)
        let view = try await ended(answer)
        #expect(view["file_name"].string == "客户.csv")
        #expect(view["rows"]["read"].int == 133)
        #expect(view["rows"]["ok"].int == 130)
        #expect(view["rows"]["error"].int == 3)
        #expect(view["rows"]["duplicate"].int == 0)
        #expect(view["rows"]["skipped"].int == 0)
        #expect(view["assigned"].int == 0)
        #expect(view["warnings"][0]["code"].string == "W_UNKNOWN_COLUMN")
        for member in ["phase", "started_at", "finished_at"] { #expect(view[member].exists, "\(member)") }

        try await expectRows(id)
        let errors = try await service.ask("GET", "/v1/imports/\(id)/errors")
        #expect(errors.status == 200)
        #expect(errors["content-type"]?.hasPrefix("text/csv") == true)
        #expect(errors["content-disposition"] == "attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.errors.csv")
        #expect(errors.text.split(whereSeparator: \.isNewline).count == 4, "\(errors.text)")
        #expect(errors.text.contains("错误原因"))

        expectProblem(try await service.ask("POST", "/v1/imports/\(id)/cancel"), 409, "state")
        let undo = try await service.ask("POST", "/v1/imports/\(id)/undo")
        #expect(undo.status == 202, "\(undo.text)")
        #expect(
            try await eventually {
                try await service.ask("GET", "/v1/imports/\(id)").json["state"].string == "undone"
            })
    }

    private func expectRows(_ id: String) async throws {
        let service = try await TestService.shared.value
        var numbers: [Int] = []
        var cursor: String?
        var pages = 0
        repeat {
            let page = try await service.ask(
                "GET", "/v1/imports/\(id)/rows?limit=50" + (cursor.map { "&cursor=\($0)" } ?? ""))
            numbers += page.json["items"].items.compactMap { $0["row"].int }
            cursor = page.json["next_cursor"].string
            pages += 1
        } while cursor != nil && pages < 10
        #expect(numbers == Array(2...134))
        let bad = try await service.ask("GET", "/v1/imports/\(id)/rows?state=error&limit=2")
        #expect(bad.json["items"].items.map { $0["row"].int } == [132, 133])
        let row = bad.json["items"][0]
        #expect(row["code"].string == "E_QQ_FORMAT")
        #expect(row["field"].string == "qq")
        #expect(row["message"].string?.isEmpty == false)
        #expect(row["errors"][0]["code"].string == "E_QQ_FORMAT")
        #expect(row["customer_id"].isNull)
        let ok = try await service.ask("GET", "/v1/imports/\(id)/rows?state=ok&limit=1")
        #expect(ok.json["items"][0]["customer_id"].string != nil)
        for query in ["state=odd", "cursor=x", "cursor=-1", "limit=0", "colour=red"] {
            expectProblem(try await service.ask("GET", "/v1/imports/\(id)/rows?\(query)"), 422)
        }
    }

    @Test func sameBytesAreRefusedForADay() async throws {
        let file = csv(810_001...810_003)
        let dry = try await upload("?dry_run=true", file)
        #expect(dry.status == 202)
        #expect(try await ended(dry)["dry_run"].bool == true)
        let first = try await upload("", file)
        #expect(first.status == 202, "a dry run does not count: \(first.text)")
        let again = try await upload("", file)
        expectProblem(again, 409, "duplicate_file")
        #expect(again.json["import_id"].string == first.json["id"].string)
        _ = try await ended(first)
        expectProblem(try await form([("name=\"file\"; filename=\"x.csv\"", file)]), 409, "duplicate_file")
        #expect(try await upload("?force=true", file).status == 202)
    }

    @Test(arguments: [
        ("filename=\"客户名单.csv\"", "客户名单.csv"), ("filename=\"a%22b%22.csv\"", "a\"b\".csv"),
        ("filename=\"100%.csv\"", "100%.csv"), ("filename=\"a;b=c.csv\"", "a;b=c.csv"),
        ("filename=\"C:\\\\tmp\\\\d.csv\"", "d.csv"), ("filename=\"a%0D%0Ab.csv\"", "a\r\nb.csv"),
        ("filename=plain.csv", "plain.csv"),
    ])
    func fileNamesOfForms(_ head: String, _ expected: String) async throws {
        let answer = try await form(
            [
                ("name=\"note\"", "not the file"),
                ("name=\"file\"; \(head)\r\nContent-Type: text/csv", csv(820_001...820_002)),
                ("name=\"other\"; filename=\"z\"", "not it"),
            ], query: "?force=true&dry_run=true")
        #expect(answer.status == 202, "\(answer.text)")
        let view = try await ended(answer)
        #expect(view["file_name"].string == expected)
        #expect(view["rows"]["read"].int == 2)
    }

    @Test func brokenFormsAreMalformed() async throws {
        let service = try await TestService.shared.value
        expectProblem(try await form([("name=\"other\"", "x")]), 422)
        for (type, body) in [
            ("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "no boundary at all"),
            ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhalf"),
        ] {
            expectProblem(try await service.ask("POST", "/v1/imports", body, type: type), 400, "malformed")
        }
        for query in ["?duplicates=maybe", "?dry_run=perhaps", "?force=2", "?colour=red"] {
            expectProblem(try await upload(query, csv(1...1)), 422)
        }
    }

    @Test func anEmptyUploadIsTakenAndFails() async throws {
        let service = try await TestService.shared.value
        let answer = try await service.ask("POST", "/v1/imports")
        #expect(answer.status == 202, "\(answer.text)")
        let view = try await ended(answer, "failed")
        #expect(view["error"]["code"].string == "F_EMPTY")
        expectProblem(try await service.ask("GET", "/v1/imports/\(view["id"].string ?? "")/errors"), 409, "state")
        expectProblem(try await service.ask("POST", "/v1/imports/\(view["id"].string ?? "")/undo"), 409, "state")
    }

    @Test func templates() async throws {
        let service = try await TestService.shared.value
        let workbook = try await service.ask("GET", "/v1/imports/template")
        #expect(workbook.bytes.starts(with: Array("PK".utf8)))
        let sheet = try await service.ask("GET", "/v1/imports/template?format=csv")
        #expect(sheet["content-type"]?.hasPrefix("text/csv") == true)
        #expect(sheet.text.contains("姓名"))
        #expect(sheet["content-disposition"]?.hasPrefix("attachment; filename*=UTF-8''") == true)
        expectProblem(try await service.ask("GET", "/v1/imports/template?format=pdf"), 422)
    }

    @Test func aDeclaredLengthOverTheLimitIsRefusedBeforeTheBody() async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "boss")
        let head = """
            POST /v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\nContent-Type: text/csv\r
            Content-Length: 1048577\r\n\r\n
            """
        let answer = try await RawHTTP(port: service.port).exchange(head, until: "}")
        #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
        #expect(answer.contains("application/problem+json"))
    }

    @Test func aStreamOverTheLimitIsRefusedOnTheWay() async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "boss")
        let chunk = "10000\r\n" + String(repeating: "a", count: 65_536) + "\r\n"
        let head = """
            POST /v1/imports?sheet=streamed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r
            Transfer-Encoding: chunked\r\n\r\n
            """
        // More than the limit, and no end.
        let answer = try await RawHTTP(port: service.port).exchange(
            head + String(repeating: chunk, count: 17), until: "}")
        #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
        #expect(
            try await eventually {
                try await service.composition.pool.query(
                    "SELECT count(*) FROM paidan.import_batch WHERE state = 'uploading' AND sheet = 'streamed'")[0]
                    .int(0) == 0
            })
    }

    @Test func aChunkedStreamIsTaken() async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "boss")
        let pieces = csv(830_001...830_040).map { String($0) }.reduce(into: [""]) { parts, character in
            if parts[parts.count - 1].utf8.count > 90 { parts.append("") }
            parts[parts.count - 1] += character
        }
        let chunks = pieces.map { String($0.utf8.count, radix: 16) + "\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
        let head = """
            POST /v1/imports?dry_run=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\nConnection: close\r
            Transfer-Encoding: chunked\r\n\r\n
            """
        let answer = try await RawHTTP(port: service.port).exchange(head + chunks)
        #expect(answer.hasPrefix("HTTP/1.1 202 "), "\(answer)")
        let body = answer.split(separator: "\r\n\r\n").last.map { Array($0.utf8) } ?? []
        let view = try await ended(Answer(status: 202, headers: [], bytes: body))
        #expect(view["rows"]["ok"].int == 40)
        #expect(view["file_name"].string?.isEmpty == false)
    }

    @Test func anUploadThatBreaksOffLeavesNothing() async throws {
        let service = try await TestService.shared.value
        let token = try await service.token(for: "boss")
        do {
            let connection = try RawHTTP(port: service.port)
            connection.send(
                Array(
                    """
                    POST /v1/imports?sheet=broken-off HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r
                    Content-Length: 5000\r\n\r\nhalf
                    """.utf8))
            #expect(try await eventually { try await brokenOff() == 1 })
        }
        #expect(try await eventually { try await brokenOff() == 0 })
    }

    private func brokenOff() async throws -> Int {
        try await TestService.shared.value.composition.pool.query(
            "SELECT count(*) FROM paidan.import_batch WHERE sheet = 'broken-off'")[0].int(0)
    }
}
