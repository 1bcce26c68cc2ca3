/// An open workbook: its parts, its sheets, and where they lie.
final class Workbook {
    private let archive: Archive
    private let limits: SheetLimits
    private let part: String
    private let relationships: Relationships
    private let sheets: [WorkbookPart.Sheet]
    let uses1904Dates: Bool

    init(path: String, size: Int, limits: SheetLimits) throws(SheetError) {
        let archive = try Archive(path: path, size: size, limits: limits)
        self.limits = limits
        part = try Self.workbookPart(archive)
        guard let book = try Self.parse(archive, part, WorkbookPart()) else {
            throw .format("压缩包里没有工作簿（\(part)），不是 .xlsx 文件。请用 Excel 另存为 .xlsx 或 CSV。")
        }
        relationships = try Self.parse(archive, PartName.relationships(of: part), Relationships()) ?? Relationships()
        try Self.checkProlog(archive)
        sheets = book.sheets
        uses1904Dates = book.uses1904Dates
        self.archive = archive
    }

    /// Opens the sheet of a name, or else the first visible one with content.
    ///
    /// - Throws: ``SheetError`` `.sheet` if there is none of that name, `.empty` if no visible one has content.
    func open(sheet name: String?, limits: SheetLimits) throws(SheetError) -> WorksheetSource {
        let worksheets = sheets.compactMap { sheet in
            relationships.all.first { $0.id == sheet.relationship && $0.type == "worksheet" }.map { (sheet, $0) }
        }
        var candidates = worksheets.filter { !$0.0.isHidden }
        if let name {
            let exact = worksheets.filter { $0.0.name == name }
            // Excel holds names that differ in case for equal.
            candidates = exact.isEmpty ? worksheets.filter { $0.0.name.lowercased() == name.lowercased() } : exact
            if candidates.isEmpty {
                let names = worksheets.map { "“\($0.0.name)”" }.joined(separator: "、")
                throw .init(code: .sheet, message: "没有名为“\(name)”的工作表。文件中的工作表有：\(names)。")
            }
        }
        let strings = try sharedStrings()
        for (sheet, relationship) in candidates {
            let target = PartName.resolve(relationship.target, from: part)
            guard let entry = try Self.open(archive, target) else { throw .damaged(target, "工作表文件不存在") }
            let source = try WorksheetSource(
                name: sheet.name, entry: entry, strings: strings, limits: limits, workbook: self)
            if source.hasRows || name != nil { return source }
        }
        throw .init(code: .empty, message: "工作簿的可见工作表里没有任何内容，请检查后重新上传。")
    }

    private func sharedStrings() throws(SheetError) -> SharedStrings {
        guard let relationship = relationships.first(type: "sharedStrings") else { return SharedStrings(.init()) }
        let target = PartName.resolve(relationship.target, from: part)
        guard let strings = try Self.parse(archive, target, SharedStringsPart(limits: limits)) else {
            throw .damaged(target, "共享文字文件不存在")
        }
        return SharedStrings(strings.takeTable())
    }

    /// The part that the package calls its document; the usual one if it does not say.
    private static func workbookPart(_ archive: borrowing Archive) throws(SheetError) -> String {
        let package = try parse(archive, PartName.relationships(of: ""), Relationships())
        let target = package?.first(type: "officeDocument")?.target ?? "xl/workbook.xml"
        let part = PartName.resolve(target, from: "")
        if part.hasSuffix(".bin") {
            throw .format("这是 .xlsb（二进制工作簿）文件，请另存为 .xlsx 或 CSV 后上传。")
        }
        return part
    }

    /// Parses a part to its end.
    ///
    /// - Returns: the handler, or nil if there is no such part.
    private static func parse<Handler: XMLHandler>(
        _ archive: borrowing Archive, _ part: String, _ handler: Handler
    ) throws(SheetError) -> Handler? {
        guard let entry = try open(archive, part) else { return nil }
        var parser = try PartParser(entry, handler)
        while try parser.resume() {}
        return handler
    }

    /// Looks at each part, up to its first element, for a document type declaration: also at those never read.
    private static func checkProlog(_ archive: borrowing Archive) throws(SheetError) {
        for part in archive.parts where part.hasSuffix(".xml") || part.hasSuffix(".rels") {
            guard let entry = try archive.open(part) else { continue }
            let prolog = Prolog()
            var parser = try PartParser(entry, prolog)
            do {
                _ = try parser.resume()
            } catch {
                // What is wrong with a part that is never read is no matter, but for its declaration.
                if prolog.hasDoctype { throw error }
            }
        }
    }

    private static func open(_ archive: borrowing Archive, _ part: String) throws(SheetError) -> ArchiveEntry? {
        if let entry = try archive.open(part) { return entry }
        return try archive.open(PartName.decoded(part))
    }
}

/// Reads a part up to its first element.
private final class Prolog: XMLHandler {
    override func start(_ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes) -> Bool {
        pause()
        return false
    }
}
