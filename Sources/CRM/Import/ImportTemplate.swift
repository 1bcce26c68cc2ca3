internal import Spreadsheet

/// The empty sheet that `GET /v1/imports/template` hands out, with one example row that the importer skips.
public enum ImportTemplate: String, Sendable, CaseIterable {
    case xlsx, csv

    private static let fields: [ImportField] = [
        .name, .gender, .qq, .education, .graduationSchool, .major, .experience, .workStatus, .company, .salary,
        .source, .course, .referral, .status, .date, .memo,
    ]

    public var fileName: String { "客户导入模板.\(rawValue)" }

    public func bytes() throws -> [UInt8] {
        var out: [UInt8] = []
        let format: SheetFormat =
            switch self {
            case .xlsx: .xlsx
            case .csv: .csv(encoding: .utf8WithMark, delimiter: .comma)
            }
        let sink = Sink()
        var writer = try SheetWriter(format: format) { sink.bytes += $0 }
        try writer.row(Self.fields.map { $0 == .gender ? "性别(1-男,2-女)" : $0.label })
        try writer.row(Self.fields.map(example))
        try writer.finish()
        swap(&out, &sink.bytes)
        return out
    }

    private func example(_ field: ImportField) -> String {
        switch field {
        case .name: "张三"
        case .gender: "1"
        case .qq: "123456789"
        case .education: "普通本科"
        case .memo: SampleRow.mark
        default: ""
        }
    }

    private final class Sink { var bytes: [UInt8] = [] }
}
