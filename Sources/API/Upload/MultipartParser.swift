/// Takes a `multipart/form-data` body apart as it comes (RFC 7578); never holds more than a piece of it.
struct MultipartParser {
    enum Event: Equatable {
        case part(PartHeaders)
        case data([UInt8])
        case endOfPart
    }

    struct Malformed: Error {
        let problem: String
    }

    private enum State {
        case preamble
        case headers
        case body
        case epilogue
    }

    private static let mostHeaderBytes = 16 << 10

    /// CRLF, two dashes and the boundary: what ends a part.
    private let delimiter: [UInt8]
    private var buffer: [UInt8]
    private var state = State.preamble

    init(boundary: String) {
        delimiter = Array("\r\n--\(boundary)".utf8)
        // The first boundary may stand at the very start, without the line break before it.
        buffer = Array("\r\n".utf8)
    }

    /// Boundary of a `Content-Type` header; nil if it has none.
    static func boundary(of contentType: String) -> String? {
        let value = HeaderValue(contentType)
        guard value.value == "multipart/form-data", let boundary = value.parameters["boundary"],
            (1...70).contains(boundary.utf8.count)
        else { return nil }
        return boundary
    }

    /// Whether the last boundary has come.
    var isComplete: Bool { if case .epilogue = state { true } else { false } }

    mutating func feed(_ bytes: some Sequence<UInt8>) throws(Malformed) -> [Event] {
        buffer.append(contentsOf: bytes)
        var events: [Event] = []
        while try step(&events) {}
        return events
    }

    /// - Returns: false when more bytes are needed.
    private mutating func step(_ events: inout [Event]) throws(Malformed) -> Bool {
        switch state {
        case .preamble:
            guard let at = find(delimiter) else {
                guard buffer.count < Self.mostHeaderBytes else { throw Malformed(problem: "no boundary is found") }
                return false
            }
            return try passDelimiter(at, &events)
        case .headers:
            guard let end = find(Array("\r\n\r\n".utf8)) else {
                guard buffer.count < Self.mostHeaderBytes else {
                    throw Malformed(problem: "a part's headers are too long")
                }
                return false
            }
            let text = String(decoding: buffer[..<end], as: UTF8.self)
            buffer.removeFirst(end + 4)
            events.append(.part(PartHeaders(text)))
            state = .body
            return true
        case .body:
            if let at = find(delimiter) {
                // The line after the delimiter must be there too: it tells whether this was the last.
                guard buffer.count >= at + delimiter.count + 2 else { return false }
                if at > 0 { events.append(.data(Array(buffer[..<at]))) }
                events.append(.endOfPart)
                return try passDelimiter(at, &events)
            }
            let safe = buffer.count - delimiter.count
            guard safe > 0 else { return false }
            events.append(.data(Array(buffer[..<safe])))
            buffer.removeFirst(safe)
            return false
        case .epilogue:
            buffer.removeAll()
            return false
        }
    }

    private mutating func passDelimiter(_ at: Int, _ events: inout [Event]) throws(Malformed) -> Bool {
        let after = at + delimiter.count
        guard buffer.count >= after + 2 else { return false }
        if buffer[after] == UInt8(ascii: "-"), buffer[after + 1] == UInt8(ascii: "-") {
            state = .epilogue
        } else if buffer[after] == 0x0D, buffer[after + 1] == 0x0A {
            // The line break stays: a part without headers begins with the empty line at once.
            state = .headers
        } else {
            throw Malformed(problem: "a boundary is followed by other text")
        }
        buffer.removeFirst(after + (isComplete ? 2 : 0))
        return true
    }

    private func find(_ needle: [UInt8]) -> Int? {
        guard buffer.count >= needle.count else { return nil }
        var start = 0
        let last = buffer.count - needle.count
        while start <= last {
            guard let hit = buffer[start...last].firstIndex(of: needle[0]) else { return nil }
            if buffer[hit..<(hit + needle.count)].elementsEqual(needle) { return hit }
            start = hit + 1
        }
        return nil
    }
}

/// The headers of one part.
struct PartHeaders: Equatable {
    /// Name of the form field.
    let name: String?
    let fileName: String?

    init(_ text: String) {
        var name: String?
        var fileName: String?
        for line in text.split(whereSeparator: { $0 == "\r\n" || $0 == "\n" }) {
            let halves = line.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, halves[0].lowercased() == "content-disposition" else { continue }
            let value = HeaderValue(String(halves[1]))
            name = value.parameters["name"]
            fileName = value.fileName
        }
        self.name = name
        self.fileName = fileName
    }
}

/// A header such as `attachment; filename="a.csv"`.
struct HeaderValue {
    /// In lower case.
    let value: String
    /// Names in lower case, quotes taken off.
    let parameters: [String: String]

    init(_ text: String) {
        var parts: [String] = [""]
        var quoted = false
        var escaped = false
        // By scalars: an accent after a quote must not hide it.
        for character in text.unicodeScalars {
            if escaped {
                parts[parts.count - 1].unicodeScalars.append(character)
                escaped = false
            } else if quoted, character == "\\" {
                escaped = true
            } else if character == "\"" {
                quoted.toggle()
            } else if character == ";", !quoted {
                parts.append("")
            } else {
                parts[parts.count - 1].unicodeScalars.append(character)
            }
        }
        value = parts[0].trimmingSpaces().lowercased()
        var parameters: [String: String] = [:]
        for part in parts.dropFirst() {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2 else { continue }
            parameters[halves[0].trimmingSpaces().lowercased()] = halves[1].trimmingSpaces()
        }
        self.parameters = parameters
    }

    /// `filename*=UTF-8''…` first, else `filename=`, with `%22`, `%0D` and `%0A` decoded as browsers send them; only the
    /// last path component.
    var fileName: String? {
        var name: String?
        if let extended = parameters["filename*"] {
            let parts = extended.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            if parts.count == 3, parts[0].lowercased() == "utf-8" { name = parts[2].removingPercentEncoding() }
        }
        if name == nil {
            name = parameters["filename"]?.replacing("%22", with: "\"").replacing("%0D", with: "\r")
                .replacing("%0A", with: "\n").replacing("%0d", with: "\r").replacing("%0a", with: "\n")
        }
        return name?.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init)
    }
}
