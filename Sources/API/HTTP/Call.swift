internal import CRM
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// One request on its way through an endpoint: who calls, with which parameters, and its body.
struct Call: Sendable {
    let request: Request
    let parameters: [String: String]
    let query: Query
    /// nil on open endpoints.
    let caller: Caller?
    let requestID: String
    let logger: Logger
    /// The whole body of an endpoint that takes JSON, and what it says.
    var json: ArraySlice<UInt8> = []
    var root = JSONNode(value: .null, range: 0..<0)

    func header(_ name: HTTPField.Name) -> String? { request.headers[name] }

    /// The caller of an endpoint that needs a token.
    ///
    /// - Throws: `Problem` 401 where an open endpoint asks.
    func identified() throws -> Caller {
        guard let caller else { throw Problem.unauthorized }
        return caller
    }

    /// Ids are PostgreSQL's `integer`.
    static let largestID = Int64(Int32.max)

    /// A path parameter that is a row id.
    ///
    /// - Throws: `Problem` 404: another text names nothing.
    func id(_ name: String = "id", of what: String) throws -> Int64 {
        guard let text = parameters[name], let id = Int64(text), (1...Self.largestID).contains(id), text.first != "+"
        else {
            throw Problem.notFound(what)
        }
        return id
    }

    /// Reads the body.
    ///
    /// - Throws: `Problem` 400 for a text that is no JSON.
    mutating func take(json bytes: ArraySlice<UInt8>) throws {
        do {
            root = try JSONParser.parse(bytes)
        } catch {
            throw Problem.malformed("The body is no JSON: \(error.problem) at byte \(error.offset).")
        }
        json = bytes
    }

    /// - Throws: `Problem` 422 if the body is no object.
    func fields() throws -> Fields { try Fields(root, of: json, base: "") }

    /// Who did it, for the audit log.
    var actor: String { caller.map { "user:\($0.userID)" } ?? "anonymous" }
}

/// Query parameters, decoded.
struct Query: Sendable {
    /// A name without `=` has no value.
    private let pairs: [(name: String, value: String?)]

    /// - Returns: nil if an escape is broken.
    init?(_ text: Substring) {
        var pairs: [(name: String, value: String?)] = []
        for part in text.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = halves[0].replacing("+", with: " ").removingPercentEncoding() else { return nil }
            guard halves.count > 1 else {
                pairs.append((name, nil))
                continue
            }
            guard let value = halves[1].replacing("+", with: " ").removingPercentEncoding() else { return nil }
            pairs.append((name, value))
        }
        self.pairs = pairs
    }

    var names: [String] { pairs.map(\.name) }

    /// The last value given; nil if absent or empty, as a form sends a field that nobody filled in.
    subscript(name: String) -> String? { all(name).last }

    /// The values given that are not empty.
    func all(_ name: String) -> [String] {
        pairs.compactMap { $0.name == name && $0.value?.isEmpty == false ? $0.value : nil }
    }

    /// Where a list goes on. An empty one is refused by the list: whoever sends what he took for the next page's would be
    /// given the first one for ever.
    var cursor: String? { pairs.last { $0.name == "cursor" }?.value }

    /// A name alone is true.
    func boolean(_ name: String) throws -> Bool {
        guard let last = pairs.last(where: { $0.name == name }) else { return false }
        return switch last.value {
        case "", "false", "0": false
        case nil, "true", "1": true
        default: throw Problem.invalid([FieldError("/\(name)", "type", "must be true or false")])
        }
    }

    func choice(_ name: String, _ choices: [String]) throws -> String? {
        guard let value = self[name] else { return nil }
        guard choices.contains(value) else {
            throw Problem.invalid([
                FieldError("/\(name)", "choice", "must be one of \(choices.joined(separator: ", "))")
            ])
        }
        return value
    }

    /// Rows of a page: 1 to 200, default 50; a larger one is taken as 200.
    func limit() throws -> Int {
        guard let text = self["limit"] else { return 50 }
        // More than a number can hold is larger than 200 too.
        let isLong = text.count > 9 && text.allSatisfy { $0.isASCII && $0.isNumber }
        guard let limit = isLong ? 200 : Int(text), limit >= 1 else {
            throw Problem.invalid([FieldError("/limit", "range", "must be 1 to 200")])
        }
        return min(limit, 200)
    }
}
