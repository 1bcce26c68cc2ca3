/// Why a row, or a part of it, was not taken as it stands.
public enum IssueCode: String, Sendable, Codable {
    case required = "E_REQUIRED"
    case qqFormat = "E_QQ_FORMAT"
    case qqPrecision = "E_QQ_PRECISION"
    case tooLong = "E_TOO_LONG"
    case choice = "E_CHOICE"
    case course = "E_COURSE"
    case consultant = "E_CONSULTANT"
    case date = "E_DATE"
    case dateFuture = "E_DATE_FUTURE"
    case referral = "E_REFERRAL"
    case controlCharacter = "E_CONTROL_CHAR"
    case cellError = "E_CELL_ERROR"
    case duplicateInFile = "D_IN_FILE"
    case duplicateExists = "D_EXISTS"
    case unknownColumn = "W_UNKNOWN_COLUMN"
    case trimmed = "W_TRIMMED"
    case sampleRow = "W_SAMPLE_ROW"
    /// The import was cancelled before this row was stored.
    case cancelled = "W_CANCELLED"

    /// Warnings leave the row as it is.
    var isWarning: Bool { rawValue.hasPrefix("W_") }
}

/// One thing to say about a row.
public struct RowIssue: Sendable, Equatable {
    public let code: IssueCode
    /// Column name of the CRM, nil when it is about the whole row.
    public let field: ImportField?
    /// Chinese, for the people who mend the sheet.
    public let message: String

    init(_ code: IssueCode, _ field: ImportField?, _ message: String) {
        self.code = code
        self.field = field
        self.message = message
    }
}

extension RowIssue {
    /// The issues as the JSON array that `paidan.import_row.errors` holds, errors before warnings.
    static func json(_ issues: [RowIssue]) -> [UInt8] {
        var out: [UInt8] = [0x5B]
        for warnings in [false, true] {
            for issue in issues where issue.code.isWarning == warnings {
                if out.count > 1 { out.append(0x2C) }
                issue.write(to: &out)
            }
        }
        out.append(0x5D)
        return out
    }

    private func write(to out: inout [UInt8]) {
        out.append(contentsOf: "{\"code\":\"".utf8)
        out.append(contentsOf: code.rawValue.utf8)
        out.append(0x22)
        if let field {
            out.append(contentsOf: ",\"field\":\"".utf8)
            out.append(contentsOf: field.rawValue.utf8)
            out.append(0x22)
        }
        out.append(contentsOf: ",\"message\":".utf8)
        JSONText.append(message, to: &out)
        out.append(0x7D)
    }
}

/// JSON string literals.
enum JSONText {
    static func append(_ text: String, to out: inout [UInt8]) {
        out.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                out.append(0x5C)
                out.append(byte)
            case 0x0A: out.append(contentsOf: [0x5C, 0x6E])
            case 0x00..<0x20:
                out.append(contentsOf: "\\u00".utf8)
                for digit in [byte >> 4, byte & 15] { out.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
            default: out.append(byte)
            }
        }
        out.append(0x22)
    }
}
