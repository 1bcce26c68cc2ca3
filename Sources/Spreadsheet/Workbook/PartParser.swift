internal import CExpat

/// Parses one part of a workbook, as far as its handler wants. Owns the C parser and frees it once.
@safe struct PartParser<Handler: XMLHandler>: ~Copyable {
    let handler: Handler
    private var entry: ArchiveEntry
    private let raw: XML_Parser
    private var isPaused = false
    private var isAtEnd = false
    private var quiet = 0

    private static var pieceSize: Int { 32 << 10 }
    /// Bytes without an element, a text or a comment: a single tag that is longer is none of a workbook.
    private static var mostQuiet: Int { 1 << 20 }

    init(_ entry: consuming ArchiveEntry, _ handler: Handler) throws(SheetError) {
        guard let raw = unsafe XML_ParserCreateNS(nil, XMLName.separator) else {
            throw .format("内存不足，无法解析工作簿。")
        }
        unsafe self.raw = raw
        self.entry = entry
        self.handler = handler
        unsafe connect(raw, handler)
    }
    deinit { unsafe XML_ParserFree(raw) }

    /// Goes on until the handler pauses or the part ends.
    ///
    /// - Returns: false at the end of the part.
    /// - Throws: ``SheetError`` of the handler, or `.format` for XML that is not well-formed.
    mutating func resume() throws(SheetError) -> Bool {
        while true {
            let status: XML_Status
            if isPaused {
                unsafe status = XML_ResumeParser(raw)
            } else if isAtEnd {
                return false
            } else {
                status = try parsePiece()
            }
            isPaused = status == XML_STATUS_SUSPENDED
            if isPaused { return true }
            if status == XML_STATUS_ERROR { throw problem() }
        }
    }

    private mutating func parsePiece() throws(SheetError) -> XML_Status {
        guard let buffer = unsafe XML_GetBuffer(raw, Int32(Self.pieceSize)) else { throw problem() }
        let count = unsafe try entry.read(into: .init(start: buffer, count: Self.pieceSize))
        isAtEnd = count == 0
        quiet = handler.takeHeard() ? 0 : quiet + count
        if quiet > Self.mostQuiet { throw .damaged(entry.part, "XML 标记过长") }
        return unsafe XML_ParseBuffer(raw, Int32(count), isAtEnd ? 1 : 0)
    }

    private func problem() -> SheetError {
        if let problem = handler.problem { return problem }
        let line = unsafe XML_GetCurrentLineNumber(raw)
        let text = unsafe XML_ErrorString(XML_GetErrorCode(raw)).map { unsafe String(cString: $0) } ?? "?"
        return .damaged(entry.part, "XML 第 \(line) 行有错（\(text)）")
    }
}
