internal import Foundation
internal import Spreadsheet

/// The body of `POST /v1/customers`: columns of `crm_customer` by name, each as a text or a number, and `assign`.
///
/// Checked by the rules of the import, so that one customer and a million obey the same.
public struct CustomerInput: Sendable, Decodable {
    public enum Assign: String, Sendable {
        case auto
        /// The caller keeps the customer.
        case own = "self"
    }

    enum Value: Sendable, Decodable {
        case text(String)
        case number(String)
        case list([String])
        case none

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                self = .none
            } else if let number = try? value.decode(Int.self) {
                self = .number("\(number)")
            } else if let text = try? value.decode(String.self) {
                self = .text(text)
            } else {
                self = .list(try value.decode([Value].self).map(\.plain))
            }
        }

        var plain: String {
            switch self {
            case .text(let text), .number(let text): text
            case .list(let parts): parts.joined(separator: "\n")
            case .none: ""
            }
        }
    }

    let values: [String: Value]

    public init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: Value].self)
    }

    /// - Throws: `DecodingError` if it is no JSON object of texts and numbers: 400.
    public init(json: [UInt8]) throws { self = try JSONDecoder().decode(CustomerInput.self, from: Data(json)) }

    /// nil for a value that is neither `auto` nor `self`.
    public var assign: Assign? {
        guard let value = values["assign"], value.plain != "" else { return .auto }
        return Assign(rawValue: value.plain)
    }

    /// The columns as one row of a sheet.
    var cells: Cells { Cells(values: Self.fields.map { values[$0.rawValue] ?? .none }) }

    /// A seller is not named but found; a referrer may be named by id, see ``referrer``.
    static let fields = ImportField.allCases.filter { $0 != .consultant && $0 != .course }
    private static let others: Set<String> = ["assign", "course", "referral_from_id"]

    /// Keys that mean nothing here.
    var unknown: [String] {
        let known = Self.others.union(Self.fields.map(\.rawValue))
        return values.keys.filter { !known.contains($0) }.sorted()
    }

    /// Ids or names of courses.
    var courses: [String] {
        switch values["course"] {
        case .list(let parts): parts
        case .text(let text), .number(let text): text.isEmpty ? [] : [text]
        default: []
        }
    }

    /// `referral_from_id`.
    var referrer: String? { values["referral_from_id"].map(\.plain).flatMap { $0.isEmpty ? nil : $0 } }

    struct Cells: RowCells {
        let values: [Value]

        var count: Int { values.count }

        func kind(_ column: Int) -> CellKind {
            switch values[column] {
            case .text, .list: .text
            case .number: .number
            case .none: .empty
            }
        }

        func utf8(_ column: Int) -> ArraySlice<UInt8> { ArraySlice(values[column].plain.utf8) }
    }
}

/// One field that must be mended: an entry of `errors` in a 422.
public struct CustomerProblem: Sendable, Equatable, Codable {
    /// JSON pointer into the body, `/qq`.
    public let pointer: String
    public let code: String
    public let message: String
}
