/// A digest as the subject, text and HTML of one or more mails.
enum MailText {
    struct Page {
        var subject: String
        var text: String
        var html: String
        var items: Range<Int>
    }

    static func pages(_ digest: Digest, budget: Int) -> [Page] {
        let lines = digest.items.enumerated().map { DigestText.line($0 + 1, $1, Escape.line) }
        let ranges = Packing.pack(lines.map { $0.utf8.count + 1 }, room: budget)
        return ranges.enumerated().map { index, range in
            let header = DigestText.header(digest, part: index + 1, of: ranges.count, Escape.line)
            let headline = Escape.line(digest.headline ?? header)
            let position = ranges.count > 1 ? "（第 \(index + 1)/\(ranges.count) 封）" : ""
            let subject = (digest.headline == nil ? headline : headline + position).truncated(toBytes: 600)
            return Page(
                subject: subject, text: text(headline, lines[range], digest.link),
                html: html(headline, lines[range], digest.link), items: range)
        }
    }

    private static func text(_ headline: String, _ lines: ArraySlice<String>, _ link: String?) -> String {
        var paragraphs = [headline]
        if !lines.isEmpty { paragraphs.append(lines.joined(separator: "\r\n")) }
        if let link { paragraphs.append("查看全部：\(Escape.line(link))") }
        return paragraphs.joined(separator: "\r\n\r\n") + "\r\n"
    }

    private static func html(_ headline: String, _ lines: ArraySlice<String>, _ link: String?) -> String {
        var result = "<!DOCTYPE html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><body>\n"
        result += "<p><strong>\(Escape.html(headline))</strong></p>\n"
        if !lines.isEmpty { result += "<p>\(lines.map(Escape.html).joined(separator: "<br>\n"))</p>\n" }
        if let link, ["https://", "http://"].contains(where: link.hasPrefix) {
            result += "<p><a href=\"\(Escape.html(link))\">查看全部</a></p>\n"
        }
        return result + "</body></html>\n"
    }
}
