/// Why a file cannot be read or written as a sheet: it concerns the whole file, never one row.
///
/// The message is Chinese, made for operations staff, says what to do, and holds no cell's content.
public struct SheetError: Error, Sendable, Equatable {
    /// What kind of fault it is; the importer maps it to its own codes.
    public enum Code: String, Sendable {
        /// No bytes, or a workbook in which no visible sheet has a cell with content.
        case empty = "F_EMPTY"
        /// Not a sheet this program reads, or a damaged one.
        case format = "F_FORMAT"
        /// A workbook or an archive that asks for a password.
        case encrypted = "F_ENCRYPTED"
        /// One of ``SheetLimits`` is passed; the message names it.
        case limit = "F_LIMIT"
        /// There is no sheet of the name asked for.
        case sheet = "F_HEADER"
    }

    public let code: Code
    public let message: String

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    static func format(_ message: String) -> SheetError { .init(code: .format, message: message) }

    /// A part of a workbook that is not what ECMA-376 says.
    static func damaged(_ part: String, _ problem: String) -> SheetError {
        .format("工作簿已损坏：\(part)：\(problem)。请用 Excel 或 WPS 打开后重新另存为 .xlsx 或 CSV。")
    }
}
