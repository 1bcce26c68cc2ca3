/// How large a sheet may be. Each limit passed is a whole-file error that names it.
public struct SheetLimits: Sendable {
    /// Bytes of the file. Default 200 MB (1 MB = 1,048,576 bytes).
    public var fileBytes = 200 << 20
    /// The last row number, as Excel counts, that may have content; header included. Default 1,048,576.
    public var rows = 1_048_576
    /// The last column that may have content. Default 256.
    public var columns = 256
    /// Characters (Unicode scalars) of one cell. Default 32,767.
    public var cellCharacters = 32_767
    /// Times its packed size that a workbook part may unpack to. Default 100.
    ///
    /// Parts up to ``unpackedFloor`` bytes are not judged: a few thousand alike rows pack well and do no harm.
    public var zipRatio = 100
    /// Unpacked bytes of a part from which on ``zipRatio`` counts. Default 16 MB.
    public var unpackedFloor = 16 << 20
    /// Bytes of all shared strings of a workbook, which are kept in memory. Default 1 GB, at most 4 GB.
    public var sharedStringBytes = 1 << 30

    public init() {}

    func fileTooLarge() -> SheetError {
        limit("文件大小超过上限 \(Self.size(fileBytes))，请拆分成几个文件后分别导入。")
    }
    func tooManyRows() -> SheetError {
        limit("表格行数超过上限 \(rows) 行（含表头），请拆分成几个文件后分别导入。")
    }
    func tooManyColumns(row: Int) -> SheetError {
        limit("第 \(row) 行的列数超过上限 \(columns) 列，请删除多余的列后重新上传。")
    }
    func cellTooLong(row: Int, column: Int) -> SheetError {
        limit("第 \(row) 行第 \(column + 1) 列的内容超过单元格上限 \(cellCharacters) 个字符（CSV 请检查引号是否成对）。")
    }
    func ratioTooHigh(part: String) -> SheetError {
        limit("压缩包内 \(part) 的解压比例超过上限 \(zipRatio) 倍，疑似压缩炸弹，已拒绝。请用 Excel 重新另存后上传。")
    }
    func tooManyStrings() -> SheetError {
        limit("工作簿的共享文字总量超过上限 \(Self.size(sharedStringBytes))，请拆分成几个文件后分别导入。")
    }

    private func limit(_ message: String) -> SheetError { .init(code: .limit, message: message) }

    private static func size(_ bytes: Int) -> String {
        bytes >= 1 << 20 && bytes % (1 << 20) == 0 ? "\(bytes >> 20) MB" : "\(bytes) 字节"
    }
}
