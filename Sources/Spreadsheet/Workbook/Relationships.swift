/// The relationships of one part: id, type and target of each.
final class Relationships: XMLHandler {
    struct Relationship {
        let id: String
        /// The last segment of the type: transitional and strict files differ before it.
        let type: String
        let target: String
    }

    private(set) var all: [Relationship] = []

    override func start(_ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes) -> Bool {
        if level == 0 { return unsafe XMLName.equal(name, "Relationships") }
        guard level == 1, unsafe XMLName.equal(name, "Relationship"),
            attributes.string("TargetMode") != "External",
            let id = attributes.string("Id"), let target = attributes.string("Target")
        else { return false }
        let type = attributes.string("Type")?.split(separator: "/").last.map(String.init) ?? ""
        all.append(.init(id: id, type: type, target: target))
        return false
    }

    func first(type: String) -> Relationship? { all.first { $0.type == type } }
}

/// What the workbook part says: the sheets in their order, and from when dates count.
final class WorkbookPart: XMLHandler {
    struct Sheet {
        let name: String
        let relationship: String
        let isHidden: Bool
    }

    private(set) var sheets: [Sheet] = []
    private(set) var uses1904Dates = false

    override func start(_ level: Int, _ name: UnsafePointer<CChar>, _ attributes: XMLAttributes) -> Bool {
        switch level {
        case 0: return unsafe XMLName.equal(name, "workbook")
        case 1:
            if unsafe XMLName.equal(name, "workbookPr") {
                uses1904Dates = ["1", "true", "on"].contains(attributes.string("date1904"))
            }
            return unsafe XMLName.equal(name, "sheets")
        case 2:
            guard unsafe XMLName.equal(name, "sheet"), let relationship = attributes.qualified("id") else {
                return false
            }
            let state = attributes.string("state") ?? "visible"
            sheets.append(
                .init(
                    name: attributes.string("name") ?? "", relationship: relationship, isHidden: state != "visible"))
            return false
        default: return false
        }
    }
}
