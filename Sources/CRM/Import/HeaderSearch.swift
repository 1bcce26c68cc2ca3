/// The header of a sheet: which column holds what.
struct SheetHeader: Sendable, Equatable {
    /// Row number of the header.
    let row: Int
    /// The cells as they stand.
    let titles: [String]
    /// Field of each column; nil for unknown and untitled ones.
    let fields: [ImportField?]

    /// Titled columns that no field knows. The 错误原因 of an error sheet is none of them.
    var unknown: [String] {
        zip(titles, fields).compactMap { title, field in
            field == nil && !title.isEmpty && title != ErrorSheet.reasonTitle ? title : nil
        }
    }
}

/// Finds the header among the first rows of a sheet (first 10 rows, by synonyms).
struct HeaderSearch {
    static let rows = 10

    /// The best row so far that names a field but not all required ones.
    private var best: (header: SheetHeader, known: Int)?

    /// Looks at one row.
    ///
    /// - Returns: the header if this is it.
    /// - Throws: ``ImportFailure`` F_HEADER if two columns name one field.
    mutating func offer(_ row: some RowCells, number: Int) throws(ImportFailure) -> SheetHeader? {
        var titles: [String] = []
        var fields: [ImportField?] = []
        for column in 0..<row.count {
            let cell = CellText.trimmed(row.utf8(column))
            // A zero byte could not be kept.
            titles.append(String(decoding: cell.filter { $0 != 0 }, as: UTF8.self))
            fields.append(cell.isEmpty ? nil : ImportField.named(cell))
        }
        let known = fields.compactMap { $0 }
        let header = SheetHeader(row: number, titles: titles, fields: fields)
        if ImportField.required.allSatisfy(known.contains) {
            try refuseRepeated(header, known)
            return header
        }
        if !known.isEmpty, known.count > best?.known ?? 0 { best = (header, known.count) }
        return nil
    }

    private func refuseRepeated(_ header: SheetHeader, _ known: [ImportField]) throws(ImportFailure) {
        for field in known {
            let titles = zip(header.titles, header.fields).filter { $0.1 == field }.map(\.0)
            guard titles.count > 1 else { continue }
            throw ImportFailure(
                code: "F_HEADER",
                message: "第 \(header.row) 行的表头中有两列都是\(field.label)：\(titles.joined(separator: "、"))。请只保留一列。")
        }
    }

    /// Why none was found.
    var failure: ImportFailure {
        guard let header = best?.header else {
            return ImportFailure(code: "F_HEADER", message: "前 \(Self.rows) 行里没有找到表头：需要“姓名”和“QQ”两列。请下载模板对照。")
        }
        let missing = ImportField.required.filter { !header.fields.contains($0) }.map { "“\($0.label)”" }
        return ImportFailure(
            code: "F_HEADER", message: "第 \(header.row) 行的表头缺少\(missing.joined(separator: "和"))列，请补上后重新上传。")
    }
}

/// Why a whole file was not imported: nothing of it is stored.
public struct ImportFailure: Error, Sendable, Equatable {
    /// F_EMPTY, F_FORMAT, F_ENCRYPTED, F_HEADER or F_LIMIT; `internal` for a fault of the service.
    public let code: String
    /// Chinese, for the person who uploaded the file.
    public let message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }
}
