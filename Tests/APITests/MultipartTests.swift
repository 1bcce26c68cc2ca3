import Testing

@testable import API

@Suite struct MultipartTests {
    static let body = Array(
        ("preamble\r\n--b42\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n"
            + "--b42\r\ncontent-disposition: form-data; name=\"file\"; filename=\"客户%22名.csv\"\r\n"
            + "Content-Type: text/csv\r\n\r\nline\r\n--b4\r\n--b42x\r\n").utf8)

    private func collect(_ body: [UInt8], piece: Int) throws -> (parts: [(PartHeaders, [UInt8])], complete: Bool) {
        var parser = MultipartParser(boundary: "b42")
        var parts: [(PartHeaders, [UInt8])] = []
        var start = 0
        while start < body.count {
            let end = min(start + piece, body.count)
            for event in try parser.feed(body[start..<end]) {
                switch event {
                case .part(let headers): parts.append((headers, []))
                case .data(let bytes): parts[parts.count - 1].1 += bytes
                case .endOfPart: break
                }
            }
            start = end
        }
        return (parts, parser.isComplete)
    }

    @Test(arguments: [1, 2, 3, 7, 64, 100_000]) func anyCutGivesTheSameParts(_ piece: Int) throws {
        let content = Array("a\r\n--b4 almost\r\r\n-\r\n".utf8)
        let head = "--b42\r\nContent-Disposition: form-data; name=\"file\"; filename=\"客户%22名.csv\"\r\n\r\n"
        let body = Array(head.utf8) + content + Array("\r\n--b42--\r\nepilogue".utf8)
        let (parts, complete) = try collect(body, piece: piece)
        #expect(complete)
        #expect(parts.count == 1)
        #expect(parts[0].0.name == "file")
        #expect(parts[0].0.fileName == "客户\"名.csv")
        #expect(parts[0].1 == content)
    }

    @Test func severalPartsAndEmptyOnes() throws {
        let text =
            "--b42\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--b42\r\n\r\nbare\r\n--b42--"
        let (parts, complete) = try collect(Array(text.utf8), piece: 5)
        #expect(complete)
        #expect(parts.map { String(decoding: $0.1, as: UTF8.self) } == ["", "bare"])
    }

    @Test func boundaryFollowedByTextIsMalformed() {
        #expect(throws: MultipartParser.Malformed.self) { try collect(Self.body, piece: 1000) }
    }

    @Test func cutOffBodyIsNotComplete() throws {
        let (_, complete) = try collect(Array("--b42\r\n\r\nhalf".utf8), piece: 4)
        #expect(!complete)
    }

    @Test(
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data; charset=x; boundary=\"a b\"", "a b"),
            ("multipart/mixed; boundary=abc", nil), ("multipart/form-data", nil),
        ] as [(String, String?)])
    func boundaries(_ header: String, _ expected: String?) {
        #expect(MultipartParser.boundary(of: header) == expected)
    }

    @Test(
        arguments: [
            ("attachment; filename*=UTF-8''%E5%AE%A2%E6%88%B7.xlsx", "客户.xlsx"),
            ("attachment; filename=\"C:\\\\data\\\\a.csv\"", "a.csv"),
            ("attachment; filename=\"../../etc/passwd\"", "passwd"),
            ("attachment", nil),
        ] as [(String, String?)])
    func fileNames(_ header: String, _ expected: String?) {
        #expect(HeaderValue(header).fileName == expected)
    }
}
