import Spreadsheet
import Testing

@Suite struct CSVReadingTests {
    @Test func quotesNewlinesAndEveryLineEnd() throws {
        let text = "姓名,QQ\r\n\"张\"\"三\"\"\",\"1\n2\"\n李四,3\r\"a,b\",4"
        let read = try Read(text)
        #expect(read.rows == [Row(1, "姓名", "QQ"), Row(2, "张\"三\"", "1\n2"), Row(3, "李四", "3"), Row(4, "a,b", "4")])
        #expect(read.format == .csv(encoding: .utf8, delimiter: .comma))
        #expect(read.kinds[1] == [.text, .text])
    }

    @Test("a quoted line end does not move the row number, blank lines do")
    func numbers() throws {
        let read = try Read("a,b\n\n\"x\r\ny\",1\r\n,,\n\n\nz,2\n\n")
        #expect(read.rows == [Row(1, "a", "b"), Row(3, "x\r\ny", "1"), Row(7, "z", "2")])
    }

    @Test("cells stay as they are: spaces, apostrophes, quotes inside")
    func raw() throws {
        let read = try Read(" a , b\n'=1+1,x\"y\"z\n\"q\"r,\"\"\n,,last\n")
        #expect(read.rows == [Row(1, " a ", " b"), Row(2, "'=1+1", "x\"y\"z"), Row(3, "qr"), Row(4, "", "", "last")])
        #expect(read.kinds[3] == [.empty, .empty, .text])
    }

    @Test(arguments: [
        ("a\tb\tc\nd\te,f\tg\n", SheetDelimiter.tab), ("a;b\n1;2\n", .semicolon), ("a|b\n1|2\n", .pipe),
        ("a,b\n1,2\n", .comma), ("a\nb\n", .comma), ("名单\n\n姓名;QQ;课程\n张,三;1;\"x,y,z,w\"\n李;2;x\n", .semicolon),
        ("姓名,QQ,课程\n张三,1,Python;Linux\n李四,2,Go;C\n", .comma), ("\"a;b;c;d\",x\n\"e;f;g;h\",y\n", .comma),
    ])
    func delimiter(_ text: String, _ delimiter: SheetDelimiter) throws {
        #expect(try Read(text).format == .csv(encoding: .utf8, delimiter: delimiter))
    }

    @Test("a line sep=; decides, and is no row")
    func declared() throws {
        let read = try Read("sep=;\r\na,b;c\r\n1,2;3\r\n")
        #expect(read.rows == [Row(1, "a,b", "c"), Row(2, "1,2", "3")])
    }

    @Test func quoteThatNeverCloses() throws {
        let error = try #require(failure(Array("a,b\n1,\"2\n3,4\n".utf8)))
        #expect(error.code == .format)
        #expect(error.message.contains("第 2 行"))
    }

    @Test("pieces end anywhere: every cell of a file larger than one piece is whole")
    func pieces() throws {
        var text = ""
        var expected: [Row] = []
        for number in 1...12_000 {
            let cells = [
                "客户\(number)", "\(100_000 + number)", "\"第\n\(number)\"",
                "备注\r\n," + String(repeating: "长", count: number % 40),
            ]
            expected.append(Row(number: number, cells: cells))
            let quoted = cells.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }
            text +=
                (number % 3 == 0 ? quoted.joined(separator: ",") : "\(cells[0]),\(cells[1]),\(quoted[2]),\(quoted[3])")
            text += ["\r\n", "\n", "\r"][number % 3]
        }
        #expect(text.utf8.count > 1 << 20)
        #expect(try Read(text).rows == expected)
    }
}
