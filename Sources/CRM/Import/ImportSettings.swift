public import Spreadsheet

/// What an operator sets about imports: `[import]` of jobs.conf and the sizes of the steps.
public struct ImportSettings: Sendable {
    public enum Gender: String, Sendable { case optional, required }
    public enum Contact: String, Sendable { case strict, loose }

    /// Whether an empty 性别 is stored as NULL or is E_REQUIRED. Default `optional`.
    public var gender = Gender.optional
    /// What may stand in the QQ column: `loose` takes mobile numbers and WeChat ids too. Default `strict`.
    public var contact = Contact.strict
    /// Limits of one file; a limit passed is F_LIMIT.
    public var limits = SheetLimits()
    /// Bytes of one piece of an upload in `paidan.import_file`. Default 256 KiB.
    public var pieceBytes = 256 * 1024
    /// Rows read, checked and copied in one transaction. 1–20,000, default 5,000.
    public var stagingRows = 5000
    /// Rows stored in one transaction and assigned by one job. 1–5,000 (their ids must fit a job's 64 KiB of
    /// arguments), default 5,000.
    public var chunkRows = 5000
    /// Folder of the temporary copy that a running import reads. Default /tmp.
    public var temporaryFolder = "/tmp"
    /// How long the uploaded bytes are kept after the import ended, for the error sheet. Default 30 days.
    public var keepFiles: Duration = .seconds(30 * 86400)

    public init() {}

    /// - Throws: ``ImportSettingError`` naming the first wrong field.
    public func validate() throws(ImportSettingError) {
        guard (4096...1_048_576).contains(pieceBytes) else {
            throw .init(field: "import.piece_bytes", problem: "must be 4096 to 1048576, is \(pieceBytes)")
        }
        guard (1...20_000).contains(stagingRows) else {
            throw .init(field: "import.staging_rows", problem: "must be 1 to 20000, is \(stagingRows)")
        }
        guard (1...5000).contains(chunkRows) else {
            throw .init(field: "import.chunk_rows", problem: "must be 1 to 5000, is \(chunkRows)")
        }
        guard keepFiles >= .seconds(86400) else {
            throw .init(field: "import.keep_files", problem: "must be at least 24h: the error sheet is made from it")
        }
    }
}

public struct ImportSettingError: Error, Sendable, CustomStringConvertible {
    public let field: String
    public let problem: String
    public var description: String { "\(field) \(problem)" }
}

/// What happens to a row whose QQ is known already. Owner, status and dates never change.
public enum DuplicatePolicy: String, Sendable, CaseIterable {
    /// The row is reported and left out.
    case skip
    /// The row fills columns of the existing customer that are NULL; it counts as a duplicate.
    case fillBlank = "fill_blank"
    /// The row counts as an error.
    case error
}
