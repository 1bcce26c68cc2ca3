public import HTTPTypes

/// One wrong field of a request.
public struct FieldError: Sendable, Equatable {
    /// JSON pointer (RFC 6901), e.g. `/args/qq`.
    public let pointer: String
    public let code: String
    public let message: String

    public init(_ pointer: String, _ code: String, _ message: String) {
        self.pointer = pointer
        self.code = code
        self.message = message
    }
}

/// An error answer: `application/problem+json` (RFC 9457) with a stable `code`.
public struct Problem: Error, Sendable {
    public var status: HTTPResponse.Status
    public var code: String
    public var title: String
    /// What happened and what to do; no personal data, no secrets.
    public var detail: String
    public var errors: [FieldError] = []
    /// Members beside the standard ones, e.g. `import_id`.
    public var members: [(name: String, value: String)] = []
    public var headers: [(name: HTTPField.Name, value: String)] = []

    public init(_ status: HTTPResponse.Status, _ code: String, _ title: String, _ detail: String) {
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
    }

    public static func malformed(_ detail: String) -> Problem {
        Problem(.badRequest, "malformed", "Malformed request", detail)
    }

    public static var unauthorized: Problem {
        var problem = Problem(
            .unauthorized, "unauthorized", "No valid token",
            "Send Authorization: Bearer TOKEN with a token that is neither expired nor revoked.")
        problem.headers = [(.wwwAuthenticate, "Bearer")]
        return problem
    }

    public static func forbidden(_ detail: String = "None of your roles permits this.") -> Problem {
        Problem(.forbidden, "forbidden", "Not permitted", detail)
    }

    public static func notFound(_ what: String) -> Problem {
        Problem(.notFound, "not_found", "Not found", "There is no \(what).")
    }

    public static func conflict(_ code: String, _ detail: String) -> Problem {
        Problem(.conflict, code, "Conflict with the present state", detail)
    }

    public static func invalid(_ errors: [FieldError]) -> Problem {
        let codes = Set(errors.map(\.code))
        // One kind of error names the whole; else the general name.
        let code = codes.count == 1 ? errors[0].code : "invalid"
        var problem = Problem(
            .unprocessableContent, ["type", "required", "range", "unknown"].contains(code) ? "invalid" : code,
            "Invalid content",
            errors.prefix(3).map { "\($0.pointer.isEmpty ? "/" : $0.pointer) \($0.message)" }.joined(separator: "; ")
                + ".")
        problem.errors = errors
        return problem
    }

    public static func tooLarge(_ limit: Int) -> Problem {
        Problem(.contentTooLarge, "too_large", "Too large", "The body may have at most \(limit) bytes.")
    }

    public static func unavailable(_ detail: String, after seconds: Int = 5) -> Problem {
        var problem = Problem(.serviceUnavailable, "unavailable", "Temporarily unavailable", detail)
        problem.headers = [(.retryAfter, String(seconds))]
        return problem
    }

    var json: [UInt8] {
        JSONWriter.object { out in
            out.field("type", "about:blank")
            out.field("title", title)
            out.field("status", status.code)
            out.field("detail", detail)
            out.field("code", code)
            for member in members { out.field(member.name, member.value) }
            if !errors.isEmpty {
                out.array("errors") { out in
                    for error in errors {
                        out.object { out in
                            out.field("pointer", error.pointer)
                            out.field("code", error.code)
                            out.field("message", error.message)
                        }
                    }
                }
            }
        }
    }
}
