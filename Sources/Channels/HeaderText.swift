/// Text in mail headers (RFC 2047, RFC 5322): ASCII on the wire, never a line break of its own.
enum HeaderText {
    /// A subject: as it is if ASCII, else in encoded words.
    static func unstructured(_ text: String) -> String {
        let line = Escape.line(text)
        return line.utf8.allSatisfy { $0 < 0x7F } && !line.contains("=?") && line.utf8.count <= 900
            ? line : encodedWords(line)
    }

    /// A display name, quoted or encoded if need be.
    static func phrase(_ text: String) -> String {
        let line = Escape.line(text)
        guard line.utf8.allSatisfy({ $0 < 0x7F }), !line.contains("=?") else { return encodedWords(line) }
        return "\"\(line.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }.map(String.init).joined())\""
    }

    /// Words of at most 75 characters, so 45 bytes of text each, split between graphemes.
    static func encodedWords(_ text: String) -> String {
        var words: [[UInt8]] = [[]]
        for character in text {
            // A grapheme longer than a word is split between its scalars.
            let pieces =
                character.utf8.count <= 45 ? [Array(character.utf8)] : character.unicodeScalars.map { Array($0.utf8) }
            for piece in pieces {
                if words[words.count - 1].count + piece.count > 45 { words.append([]) }
                words[words.count - 1] += piece
            }
        }
        return words.map { "=?UTF-8?B?\(Base64.encode($0))?=" }.joined(separator: "\r\n ")
    }

    /// Breaks a header line over 78 bytes at spaces; a word longer than that stays whole.
    static func folded(_ header: String) -> String {
        header.split(separator: "\r\n", omittingEmptySubsequences: false).map { line -> String in
            guard line.utf8.count > 78 else { return String(line) }
            var lines: [String] = [""]
            for word in line.split(separator: " ", omittingEmptySubsequences: false) {
                let last = lines[lines.count - 1]
                let isStart = last.isEmpty
                if !isStart && last.utf8.count + 1 + word.utf8.count > 78 && !word.isEmpty
                    && last.contains(where: { $0 != " " })
                {
                    lines.append(" " + word)
                } else {
                    lines[lines.count - 1] = isStart && lines.count == 1 ? String(word) : last + " " + word
                }
            }
            return lines.joined(separator: "\r\n")
        }.joined(separator: "\r\n")
    }
}
