import Postgres
import Spreadsheet
import Testing

@testable import CRM

/// Bad rows 1–13: what one row may hold.
@Suite("Import: bad rows")
struct BadRowTests {
    @Test("§10.3 row 1: a numeric QQ cell has no .0")
    func numericQQ() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ号")])
            book.row([.text("张三"), .number("123456789")])
            book.row([.text("李四"), .number("1.23456789012E11")])
            book.row([.text("王五"), .number("222222.0")])
            let id = try await lab.take(book.bytes, "a.xlsx")
            #expect(try await lab.story(id) == ["2 ok", "3 ok", "4 ok"])
            #expect(
                try await lab.text("SELECT string_agg(qq, ',' ORDER BY id) FROM crm_customer")
                    == "123456789,123456789012,222222")
            #expect(try await lab.rows(id).allSatisfy { $0.errors.isEmpty })
        }
    }

    @Test("§10.3 row 2: a QQ is normalised, with W_TRIMMED")
    func normalisedQQ() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ\n甲,123456789.0\n乙,１２３４５６\n丙, 12 345 678 \n")
            #expect(
                try await lab.rows(id).map { $0.errors.map(\.code) } == [["W_TRIMMED"], ["W_TRIMMED"], ["W_TRIMMED"]])
            #expect(
                try await lab.text("SELECT string_agg(qq, ',' ORDER BY id) FROM crm_customer")
                    == "123456789,123456,12345678")
            #expect(try await lab.view(id).rows == .init(read: 3, ok: 3, duplicate: 0, error: 0, skipped: 0))
        }
    }

    @Test("§10.3 row 3: digits that a spreadsheet lost are E_QQ_PRECISION")
    func lostDigits() async throws {
        try await ImportLab.with { lab in
            let csv = try await lab.take("姓名,QQ\n甲,1.23457E+17\n")
            #expect(try await lab.story(csv) == ["2 error E_QQ_PRECISION"])
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ")])
            book.row([.text("甲"), .number("1.23457E+17")])
            book.row([.text("乙"), .number("888888888888888888")])
            book.row([.text("丙"), .text("1.23457E+17")])
            let xlsx = try await lab.take(book.bytes, "a.xlsx")
            #expect(
                try await lab.story(xlsx) == [
                    "2 error E_QQ_PRECISION", "3 error E_QQ_PRECISION", "4 error E_QQ_PRECISION",
                ])
        }
    }

    @Test("§10.3 row 4: what is no QQ is E_QQ_FORMAT; contact = loose takes mobile numbers and WeChat ids")
    func formatOfQQ() async throws {
        let sheet = "姓名,QQ\n甲,c\n乙,1\n丙,0123\n丁,1234567890123\n戊,888888888888888888\n己,13800138000\n庚,wx_zhang-3\n"
        try await ImportLab.with { lab in
            let id = try await lab.take(sheet)
            let bad = (2...6).map { "\($0) error E_QQ_FORMAT" }
            #expect(try await lab.story(id) == bad + ["7 ok", "8 error E_QQ_FORMAT"])
        }
        try await ImportLab.with(ImportLab.settings { $0.contact = .loose }) { lab in
            let id = try await lab.take(sheet)
            #expect(try await lab.story(id) == (2...6).map { "\($0) error E_QQ_FORMAT" } + ["7 ok", "8 ok"])
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE qq = 'wx_zhang-3'") == 1)
        }
    }

    @Test("§10.3 row 5: the second of two equal QQs is D_IN_FILE, whatever the cell's type")
    func twiceInFile() async throws {
        try await ImportLab.with { lab in
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ")])
            book.row([.none, .text("222222")])
            book.row([.text("甲"), .number("222222")])
            book.row([.text("乙"), .text("333333")])
            book.row([.text("丙"), .text("222222")])
            book.row([.text("丁"), .text("222222")])
            let id = try await lab.take(book.bytes, "a.xlsx")
            #expect(
                try await lab.story(id) == [
                    "2 error E_REQUIRED", "3 ok", "4 ok", "5 duplicate D_IN_FILE", "6 duplicate D_IN_FILE",
                ])
            let row = try #require(await lab.rows(id).first { $0.row == 6 })
            // Only a valid row can be the first.
            #expect(row.errors[0].ref == .row(3))
            #expect(row.errors[0].field == "qq" && row.errors[0].message.contains("3"))
            #expect(try await lab.view(id).rows == .init(read: 5, ok: 2, duplicate: 2, error: 1, skipped: 0))
        }
    }

    @Test("§10.3 row 6: a known QQ is D_EXISTS with the customer's state")
    func exists() async throws {
        try await ImportLab.with { lab in
            try await lab.pool.transaction { tx in
                try tx.run(
                    script: """
                        SELECT set_config('paidan.writer', 'service', true);
                        INSERT INTO crm_customer (id, qq, name, status, consultant_id, recv_date, pool_since) VALUES
                            (901, '100001', '私', 2, 1, paidan.today(), NULL),
                            (902, '100002', '公', 2, NULL, NULL, paidan.today()),
                            (903, '100003', '报', 1, NULL, NULL, NULL),
                            (904, '100004', '待', 2, NULL, NULL, NULL);
                        INSERT INTO crm_customer (id, qq, name, consultant_id, recv_date, last_consult_date) VALUES
                            (905, '100005', '过', 1, paidan.today() - 9, paidan.today() - 9);
                        INSERT INTO crm_customerdistribution (user_id, customer_id, ctime) VALUES
                            (1, 901, paidan.today()), (1, 905, paidan.today() - 9);
                        """)
            }
            let id = try await lab.take("姓名,QQ\n甲,100001\n乙,100002\n丙,100003\n丁,100004\n戊,100005\n己,100006\n")
            let rows = try await lab.rows(id)
            #expect(rows.map(\.state) == Array(repeating: "duplicate", count: 5) + ["ok"])
            #expect(rows.prefix(5).allSatisfy { $0.errors[0].code == "D_EXISTS" && $0.errors[0].field == "qq" })
            #expect(
                rows.prefix(5).map(\.errors[0].ref)
                    == ["private", "public", "closed", "pending", "public"].map { .state($0) })
            let words = ["私有", "公海", "已报名", "待分配", "公海"]
            for (row, word) in zip(rows, words) { #expect(row.errors[0].message.contains(word)) }
            #expect(rows[0].customerID == "901")
            #expect(try await lab.text("SELECT name FROM crm_customer WHERE id = 901") == "私")
            #expect(try await lab.count("SELECT count(*) FROM paidan.assign_slot WHERE state = 'used'") == 1)
        }
    }

    @Test("§10.3 row 7: names: required, at most 16 characters, emoji, control characters")
    func names() async throws {
        try await ImportLab.with { lab in
            let long = String(repeating: "长", count: 17)
            let fits = String(repeating: "长", count: 16)
            let id = try await lab.take(
                "姓名,QQ\n,100001\n \u{3000}\u{A0},100002\n\(long),100003\n😀小明,100004\n张\u{0}三,100005\n\(fits),100006\n张\u{7}三,100007\n"
            )
            #expect(
                try await lab.story(id) == [
                    "2 error E_REQUIRED", "3 error E_REQUIRED", "4 error E_TOO_LONG", "5 ok", "6 error E_CONTROL_CHAR",
                    "7 ok", "8 error E_CONTROL_CHAR",
                ])
            #expect(try await lab.text("SELECT name FROM crm_customer WHERE qq = '100004'") == "😀小明")
        }
    }

    @Test("§10.3 row 8: 性别")
    func genders() async throws {
        let sheet =
            "姓名,QQ,性别\n"
            + ["男", "女", "1", "2", "1.0", "M", "先生", "未知", ""].enumerated()
            .map { "甲,10000\($0.offset),\($0.element)\n" }.joined()
        try await ImportLab.with { lab in
            let id = try await lab.take(sheet)
            #expect(
                try await lab.story(id) == [
                    "2 ok", "3 ok", "4 ok", "5 ok", "6 ok", "7 ok", "8 error E_CHOICE", "9 error E_CHOICE", "10 ok",
                ])
            #expect(
                try await lab.text("SELECT string_agg(coalesce(gender::text, '-'), '' ORDER BY id) FROM crm_customer")
                    == "121211-")
        }
        try await ImportLab.with(ImportLab.settings { $0.gender = .required }) { lab in
            let id = try await lab.take(sheet)
            #expect(try await lab.story(id).last == "10 error E_REQUIRED")
            #expect(try await lab.rows(id).last?.errors.first?.field == "gender")
        }
    }

    @Test("§10.3 row 9: 学历 is a label or its number, else E_CHOICE with the 8 allowed")
    func education() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ,学历\n甲,100001,本科\n乙,100002,2\n丙,100003,普通本科\n")
            #expect(try await lab.story(id) == ["2 error E_CHOICE", "3 ok", "4 ok"])
            let message = try #require(await lab.rows(id).first?.errors.first?.message)
            for label in ["重点大学", "普通本科", "独立院校", "民办本科", "大专", "民办专科", "高中", "其他"] {
                #expect(message.contains(label))
            }
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE education = 2") == 2)
        }
    }

    @Test("§10.3 row 10: 来源 folds case and variants")
    func sources() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take("姓名,QQ,来源\n甲,100001,QQ群\n乙,100002,其他\n丙,100003,其它\n丁,100004,ＳＥＯ\n戊,100005,\n")
            #expect(try await lab.story(id) == (2...6).map { "\($0) ok" })
            #expect(
                try await lab.text("SELECT string_agg(source::text, ',' ORDER BY id) FROM crm_customer")
                    == "1,16,16,15,1")
        }
    }

    @Test("§10.3 row 11: an unknown course is E_COURSE and named")
    func courses() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(
                "姓名,QQ,咨询课程\n甲,100001,\"Python，Linux、Go\"\n乙,100002,python；LINUX、Python\n丙,100003,\"Linux\nC/C++\"\n丁,100004,C/C++\n"
            )
            #expect(try await lab.story(id).first == "2 error E_COURSE")
            let message = try #require(await lab.rows(id).first?.errors.first?.message)
            #expect(message.contains("Go") && !message.contains("Linux"))
            #expect(
                try await lab.text(
                    """
                    SELECT string_agg(c.qq || ':' || k.course_id, ' ' ORDER BY c.qq, k.course_id)
                    FROM crm_customer c JOIN crm_customer_course k ON k.customer_id = c.id
                    """) == "100002:1 100002:2 100004:3")
            // C/C++ beside another course splits at its stroke: such a list names it alone.
            #expect(try await lab.story(id)[2] == "4 error E_COURSE")
        }
    }

    @Test("§10.3 row 12: 咨询日期 as serial and in words; no such day; tomorrow")
    func dates() async throws {
        try await ImportLab.with { lab in
            let tomorrow = try #require(await lab.text("SELECT (paidan.today() + 1)::text"))
            var book = TestWorkbook()
            book.row([.text("姓名"), .text("QQ"), .text("咨询日期")])
            book.row([.text("甲"), .text("100001"), .number("43101")])
            book.row([.text("乙"), .text("100002"), .text("2018/1/1")])
            book.row([.text("丙"), .text("100003"), .text("2018年1月1日")])
            book.row([.text("丁"), .text("100004"), .text("2018-13-01")])
            book.row([.text("戊"), .text("100005"), .text(tomorrow)])
            book.row([.text("己"), .text("100006"), .number("43101.75")])
            book.row([.text("庚"), .text("100007"), .text("2018-01-01 08:30:00")])
            let id = try await lab.take(book.bytes, "a.xlsx")
            #expect(
                try await lab.story(id) == [
                    "2 ok", "3 ok", "4 ok", "5 error E_DATE", "6 error E_DATE_FUTURE", "7 ok", "8 ok",
                ])
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE date = '2018-01-01'") == 5)
            var old = TestWorkbook()
            old.uses1904 = true
            old.row([.text("姓名"), .text("QQ"), .text("咨询日期")])
            old.row([.text("甲"), .text("200001"), .number("41639")])
            try await lab.take(old.bytes, "b.xlsx")
            #expect(try await lab.text("SELECT date::text FROM crm_customer WHERE qq = '200001'") == "2018-01-01")
        }
    }

    @Test("§10.3 row 13: referrals: oneself, nobody, a later row")
    func referrals() async throws {
        try await ImportLab.with { lab in
            let id = try await lab.take(
                """
                姓名,QQ,转介绍自学员
                甲,100001,100001
                乙,100002,999999
                丙,100003,100009
                丁,100004,100002
                戊,100005,100004
                己,100006,100003
                庚,100007,100008
                辛,100008,100007
                壬,100009,
                """)
            #expect(
                try await lab.story(id) == [
                    "2 error E_REFERRAL", "3 error E_REFERRAL", "4 ok", "5 error E_REFERRAL", "6 error E_REFERRAL",
                    "7 ok",
                    "8 ok", "9 ok", "10 ok",
                ])
            #expect(
                try await lab.text(
                    """
                    SELECT string_agg(c.qq || '>' || f.qq, ' ' ORDER BY c.qq)
                    FROM crm_customer c JOIN crm_customer f ON f.id = c.referral_from_id
                    """) == "100003>100009 100006>100003 100007>100008 100008>100007")
        }
    }
}
