/// The fixed parts of a workbook (ECMA-376 part 1, 12.2 and 18).
enum WorkbookTemplate {
    private static let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
    private static let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    private static let package = "http://schemas.openxmlformats.org/package/2006"
    private static let document = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    private static let type = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    static let sheetHead = head + "<worksheet xmlns=\"\(main)\"><sheetData>"

    /// All parts but the worksheet: name and content.
    static func parts(sheet: String) -> [(String, String)] {
        [
            ("[Content_Types].xml", contentTypes), ("_rels/.rels", packageRelationships),
            ("xl/workbook.xml", workbook(sheet: sheet)), ("xl/_rels/workbook.xml.rels", workbookRelationships),
            ("xl/styles.xml", styles),
        ]
    }

    private static let contentTypes =
        head + """
            <Types xmlns="\(package)/content-types">\
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
            <Default Extension="xml" ContentType="application/xml"/>\
            <Override PartName="/xl/workbook.xml" ContentType="\(type).sheet.main+xml"/>\
            <Override PartName="/xl/worksheets/sheet1.xml" ContentType="\(type).worksheet+xml"/>\
            <Override PartName="/xl/styles.xml" ContentType="\(type).styles+xml"/></Types>
            """

    private static let packageRelationships =
        head + """
            <Relationships xmlns="\(package)/relationships">\
            <Relationship Id="rId1" Type="\(document)/officeDocument" Target="xl/workbook.xml"/></Relationships>
            """

    private static let workbookRelationships =
        head + """
            <Relationships xmlns="\(package)/relationships">\
            <Relationship Id="rId1" Type="\(document)/worksheet" Target="worksheets/sheet1.xml"/>\
            <Relationship Id="rId2" Type="\(document)/styles" Target="styles.xml"/></Relationships>
            """

    private static let styles =
        head + """
            <styleSheet xmlns="\(main)"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>\
            <fills count="2"><fill><patternFill patternType="none"/></fill>\
            <fill><patternFill patternType="gray125"/></fill></fills>\
            <borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
            <cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
            <cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>\
            <cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>
            """

    private static func workbook(sheet: String) -> String {
        var name: [UInt8] = []
        // Excel: at most 31 characters, none of these.
        for scalar in sheet.unicodeScalars.prefix(31) {
            switch scalar {
            case "[", "]", ":", "*", "?", "/", "\\", "\"", "&", "<", ">", "\0"..<" ": name.append(UInt8(ascii: "_"))
            default: name += String(scalar).utf8
            }
        }
        return head + """
            <workbook xmlns="\(main)" xmlns:r="\(document)"><sheets>\
            <sheet name="\(String(decoding: name, as: UTF8.self))" sheetId="1" r:id="rId1"/></sheets></workbook>
            """
    }
}
