/// One command, kept as the bytes that go to the server (RESP array of bulk strings, without its head).
public struct RedisCommand: Sendable {
    /// `$3\r\nSET\r\n$1\r\na\r\n…`
    private(set) var body: [UInt8] = []
    /// Words in `body`.
    private(set) var count = 0

    /// - Parameter words: the command's name and first arguments.
    public init(_ words: String...) {
        body.reserveCapacity(words.reduce(16) { $0 + $1.utf8.count + 8 })
        for word in words { append(word) }
    }

    public init(_ arguments: [[UInt8]]) {
        body.reserveCapacity(arguments.reduce(16) { $0 + $1.count + 12 })
        for argument in arguments { append(argument) }
    }

    public mutating func append(_ argument: String) {
        appendHead("$", argument.utf8.count)
        body.append(contentsOf: argument.utf8)
        endWord()
    }

    public mutating func append(_ argument: [UInt8]) {
        appendHead("$", argument.count)
        body.append(contentsOf: argument)
        endWord()
    }

    public mutating func append(_ argument: Int) { append(String(argument)) }

    /// Appends the whole command to a write buffer.
    func write(to output: inout [UInt8]) {
        output.append(UInt8(ascii: "*"))
        output.append(contentsOf: String(count).utf8)
        output.append(contentsOf: [13, 10])
        output.append(contentsOf: body)
    }

    private mutating func appendHead(_ mark: Unicode.Scalar, _ length: Int) {
        body.append(UInt8(ascii: mark))
        body.append(contentsOf: String(length).utf8)
        body.append(13)
        body.append(10)
    }

    private mutating func endWord() {
        body.append(13)
        body.append(10)
        count += 1
    }
}
