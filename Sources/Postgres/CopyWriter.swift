internal import CPQ

/// Writes rows for `COPY … FROM STDIN` in text format: one call for each column, then `endRow()`.
///
/// A failure (the connection is lost, the task was cancelled) is thrown at the end of the COPY; a long body looks at
/// ``isStopped`` now and then.
@safe public struct CopyWriter: ~Copyable {
    private static let bufferSize = 65536

    private let raw: OpaquePointer?
    private let operation: Operation
    private let gate: CancelGate
    private var buffer: [UInt8] = []
    private var isInRow = false
    private var failure: PostgresError?

    init(_ operation: Operation, _ gate: CancelGate, _ raw: OpaquePointer?) {
        self.operation = operation
        self.gate = gate
        unsafe self.raw = unsafe raw
        buffer.reserveCapacity(Self.bufferSize + 4096)
    }

    /// True once writing on is of no use: what is written is dropped.
    public var isStopped: Bool { failure != nil || operation.stop != nil }

    public mutating func field(_ text: String) { field(text.utf8) }

    public mutating func field(_ utf8: some Sequence<UInt8>) {
        startField()
        // Code outside this module cannot specialise the loop for its sequence, so it runs over plain memory.
        let done: Void? = utf8.withContiguousStorageIfAvailable { bytes in escape(unsafe bytes.span) }
        if done == nil { escape(Array(utf8).span) }
        endField()
    }

    public mutating func field(_ number: Int) {
        startField()
        buffer += String(number).utf8
    }

    public mutating func null() {
        startField()
        buffer += #"\N"#.utf8
    }

    public mutating func array(_ numbers: [Int]) {
        startField()
        buffer.append(UInt8(ascii: "{"))
        for (index, number) in numbers.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            buffer += String(number).utf8
        }
        buffer.append(UInt8(ascii: "}"))
        endField()
    }

    /// A `text[]`; `nil` is NULL.
    public mutating func array(_ texts: [String?]) {
        guard case .text(let bytes) = Bind.array(ofTexts: texts.lazy.map { $0?.utf8 }) else { return }
        field(bytes)
    }

    /// A `bytea`.
    public mutating func bytes(_ bytes: some Sequence<UInt8>) {
        startField()
        let digits = Array("0123456789abcdef".utf8)
        buffer += #"\\x"#.utf8
        for byte in bytes {
            buffer.append(digits[Int(byte >> 4)])
            buffer.append(digits[Int(byte & 15)])
        }
        endField()
    }

    /// Whole rows that stand in the text format already, each with its line end: nothing is escaped. Between two rows only.
    public mutating func lines(_ text: [UInt8]) {
        buffer += text
        endField()
    }

    public mutating func endRow() {
        buffer.append(UInt8(ascii: "\n"))
        isInRow = false
        if buffer.count >= Self.bufferSize { flush() }
    }

    /// - Returns: what went wrong, if anything.
    mutating func finish() -> PostgresError? {
        flush()
        return failure
    }

    private mutating func startField() {
        if isInRow { buffer.append(UInt8(ascii: "\t")) }
        isInRow = true
    }

    private mutating func endField() {
        if buffer.count >= Self.bufferSize { flush() }
    }

    /// Rules: PostgreSQL manual, COPY, "Text Format".
    private mutating func escape(_ bytes: Span<UInt8>) {
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\\"): buffer += [byte, byte]
            case UInt8(ascii: "\n"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case UInt8(ascii: "\r"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case UInt8(ascii: "\t"): buffer += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            default: buffer.append(byte)
            }
        }
    }

    private mutating func flush() {
        defer { buffer.removeAll(keepingCapacity: true) }
        if failure == nil, let error = operation.stopError { failure = error }
        guard failure == nil, !buffer.isEmpty else { return }
        gate.enterCall()
        defer { gate.leaveCall() }
        let sent = unsafe buffer.withUnsafeBytes { bytes in
            unsafe PQputCopyData(raw, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
        }
        guard sent == 1 else {
            failure = PostgresError(code: .connection, message: "the connection was lost while rows were sent")
            return
        }
    }
}
