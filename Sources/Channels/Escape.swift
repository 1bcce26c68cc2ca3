/// Makes what people typed harmless in each form of message: it can neither mention, link, format nor break lines.
enum Escape {
    /// One line of visible text: line breaks become spaces; controls and marks that reorder text are taken out.
    static func line(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09, 0x0A, 0x0D, 0x0B, 0x0C, 0x85, 0x2028, 0x2029: result.append(" ")
            case 0..<0x20, 0x7F..<0xA0: continue
            // Bidirectional controls, zero-width space, word joiner, byte order mark.
            case 0x061C, 0x200B, 0x200E, 0x200F, 0x202A...0x202E, 0x2060, 0x2066...0x2069, 0xFEFF: continue
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// WeCom text: `<@userid>` mentions there as well, and clients link bare addresses.
    static func wecomText(_ text: String) -> String {
        mapScalars(unlinked(line(text))) { $0 == "<" ? "＜" : String($0) }
    }

    static func wecomMarkdown(_ text: String) -> String {
        let wide: [Unicode.Scalar: Unicode.Scalar] = [
            "<": "＜", ">": "＞", "[": "［", "]": "］", "*": "＊", "`": "｀", "#": "＃", "!": "！",
        ]
        return mapScalars(unlinked(line(text))) { String(wide[$0] ?? $0) }
    }

    /// DingTalk markdown: characters with a meaning are escaped; `@` and a number would mention.
    static func dingtalkMarkdown(_ text: String) -> String {
        mapScalars(unlinked(line(text))) { scalar in
            switch scalar {
            case "@": "＠"
            case "<": "＜"
            case "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "+", "-", "!", ">": "\\\(scalar)"
            default: String(scalar)
            }
        }
    }

    static func html(_ text: String) -> String {
        mapScalars(line(text)) { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            default: String(scalar)
            }
        }
    }

    /// Breaks what a client would turn into a link by itself: `://` and `www.`.
    private static func unlinked(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            let isScheme = scalar == ":" && scalars[index...].starts(with: "://".unicodeScalars)
            let word = String(String.UnicodeScalarView(scalars[max(0, index - 3)..<index])).lowercased()
            result.append(isScheme ? "：" : scalar == "." && word == "www" ? "．" : scalar)
        }
        return String(result)
    }

    /// By scalars, since a combining mark would hide a character from a comparison by graphemes.
    private static func mapScalars(_ text: String, _ transform: (Unicode.Scalar) -> String) -> String {
        var result = ""
        for scalar in text.unicodeScalars { result += transform(scalar) }
        return result
    }
}

extension String {
    /// At most `limit` bytes of UTF-8, cut between graphemes and ended by `…`, if it is longer.
    func truncated(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var bytes = 0
        var end = startIndex
        while end < endIndex {
            let next = index(after: end)
            let size = self[end..<next].utf8.count
            if bytes + size + 3 > limit { break }
            bytes += size
            end = next
        }
        return limit >= 3 ? self[..<end] + "…" : ""
    }
}
