/// Names of a workbook's parts (ECMA-376 part 2, 6.2 and 6.4).
enum PartName {
    /// What a relationship's target means, seen from the part that has the relationship.
    ///
    /// - Returns: the part's name without the first `/`.
    static func resolve(_ target: String, from source: String) -> String {
        let isAbsolute = target.hasPrefix("/") || target.hasPrefix("\\")
        var segments = isAbsolute ? [] : source.split(separator: "/").dropLast().map(String.init)
        for segment in target.split(whereSeparator: { $0 == "/" || $0 == "\\" }) where segment != "." {
            if segment == ".." {
                _ = segments.popLast()
            } else {
                segments.append(String(segment))
            }
        }
        return segments.joined(separator: "/")
    }

    /// The part that holds the relationships of a part; "" is the package itself.
    static func relationships(of part: String) -> String {
        var segments = part.split(separator: "/").map(String.init)
        let name = segments.popLast() ?? ""
        return (segments + ["_rels", name + ".rels"]).joined(separator: "/")
    }

    /// Decodes `%20` and its like; names in the zip directory are seldom encoded, targets sometimes are.
    static func decoded(_ name: String) -> String {
        var bytes: [UInt8] = []
        var rest = name.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
