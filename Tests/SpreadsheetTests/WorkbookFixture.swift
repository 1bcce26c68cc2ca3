/// Makes workbooks part by part, so that a test can bend any of them.
struct WorkbookFixture {
    struct Sheet {
        var name = "Sheet1"
        var state = ""
        var xml: String
        var target = ""
    }

    static let transitional = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    static let strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    private static let package = "http://schemas.openxmlformats.org/package/2006"

    var main = WorkbookFixture.transitional
    var document = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    var sheets: [Sheet] = []
    var sharedStrings: String?
    var workbookProperties = ""
    var workbookPart = "xl/workbook.xml"
    var officeTarget: String?
    /// Changes a part before it is stored.
    var bend: (String, [UInt8]) -> [UInt8] = { $1 }
    /// Changes the name of a zip entry.
    var rename: (String) -> String = { $0 }

    /// A workbook of one sheet, given the content of `sheetData`.
    init(_ rows: String, strings: [String]? = nil) {
        sheets = [Sheet(xml: worksheet(rows))]
        if let strings { sharedStrings = sst(strings.map { "<si><t xml:space=\"preserve\">\($0)</t></si>" }.joined()) }
    }

    func worksheet(_ rows: String) -> String {
        "<worksheet xmlns=\"\(main)\"><dimension ref=\"A1\"/><sheetData>\(rows)</sheetData></worksheet>"
    }

    func sst(_ items: String) -> String { "<sst xmlns=\"\(main)\">\(items)</sst>" }

    mutating func add(_ name: String, state: String = "", rows: String) {
        sheets.append(Sheet(name: name, state: state.isEmpty ? "" : " state=\"\(state)\"", xml: worksheet(rows)))
    }

    func parts() -> [(String, [UInt8])] {
        let folder = workbookPart.split(separator: "/").dropLast().joined(separator: "/") + "/"
        let file = workbookPart.split(separator: "/").last.map(String.init) ?? ""
        var parts: [(String, String)] = [("[Content_Types].xml", "<Types xmlns=\"\(Self.package)/content-types\"/>")]
        parts.append(
            ("_rels/.rels", relationships([("rId1", "officeDocument", officeTarget ?? workbookPart)])))
        let list = sheets.enumerated().map { i, sheet in
            "<sheet name=\"\(sheet.name)\" sheetId=\"\(i + 1)\"\(sheet.state) r:id=\"rId\(i + 1)\"/>"
        }
        parts.append(
            (
                workbookPart,
                "<workbook xmlns=\"\(main)\" xmlns:r=\"\(document)\">\(workbookProperties)"
                    + "<sheets>\(list.joined())</sheets></workbook>"
            ))
        var targets = sheets.enumerated().map { i, sheet in
            ("rId\(i + 1)", "worksheet", sheet.target.isEmpty ? "worksheets/sheet\(i + 1).xml" : sheet.target)
        }
        if sharedStrings != nil { targets.append(("rId99", "sharedStrings", "sharedStrings.xml")) }
        parts.append(("\(folder)_rels/\(file).rels", relationships(targets)))
        for (i, sheet) in sheets.enumerated() { parts.append(("\(folder)worksheets/sheet\(i + 1).xml", sheet.xml)) }
        if let sharedStrings { parts.append(("\(folder)sharedStrings.xml", sharedStrings)) }
        return parts.map { (rename($0.0), bend($0.0, Array($0.1.utf8))) }
    }

    func bytes() -> [UInt8] {
        var zip = ZipFixture()
        for (name, content) in parts() { zip.add(name, content) }
        return zip.finished()
    }

    private func relationships(_ all: [(String, String, String)]) -> String {
        let items = all.map { id, type, target in
            "<Relationship Id=\"\(id)\" Type=\"\(document)/\(type)\" Target=\"\(target)\"/>"
        }
        return "<Relationships xmlns=\"\(Self.package)/relationships\">\(items.joined())</Relationships>"
    }
}
