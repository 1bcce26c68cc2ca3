internal import Observability

/// Lays a digest out as the texts of one or more robot messages.
struct RobotForm {
    struct Message {
        var text: String
        var items: Range<Int>
    }

    var escape: (String) -> String
    /// Most that ``size`` may give for a whole text.
    var budget: Int
    /// What a text counts for the provider.
    var size: (String) -> Int
    /// Between lines.
    var lineBreak = "\n"

    /// - Parameters:
    ///   - header: dresses the header, which is escaped already.
    ///   - footer: ends each message; trusted text with its line break.
    func messages(_ digest: Digest, header: (String) -> String, footer: String) -> [Message] {
        let widest = header(DigestText.header(digest, part: 9999, of: 9999, escape))
        let room = max(200, budget - size(widest) - size(footer))
        let lineRoom = room - size(lineBreak)
        let lines = digest.items.enumerated().map { index, item in
            let line = DigestText.line(index + 1, item, escape)
            return size(line) <= lineRoom ? line : line.truncated(toBytes: max(3, lineRoom / 2))
        }
        let ranges = Packing.pack(lines.map { size(lineBreak + $0) }, room: room)
        return ranges.enumerated().map { index, range in
            let head = header(DigestText.header(digest, part: index + 1, of: ranges.count, escape))
            let body = lines[range].map { lineBreak + $0 }.joined()
            return Message(text: head + body + footer, items: range)
        }
    }
}

/// The part of a markdown link in parentheses.
func markdownTarget(_ url: String) -> String {
    var result = ""
    for scalar in url.unicodeScalars {
        switch scalar {
        case "(": result += "%28"
        case ")": result += "%29"
        case "\0"..."\u{20}", "<", ">": continue
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// The address and the credential parameters in it.
func robotSecrets(_ url: Secret, _ more: Secret...) -> [Secret] {
    let query = url.exposed.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
    let values = query.split(separator: "&").compactMap { pair -> Secret? in
        let parts = pair.split(separator: "=", maxSplits: 1)
        return parts.count == 2 && Redactor.names.contains(parts[0].lowercased()) ? Secret(String(parts[1])) : nil
    }
    return [url] + values + more
}
