internal import CRM
internal import HTTPTypes

/// `PATCH /v1/customers/{id}`: a customer's profile.
enum PatchEndpoint {
    static func endpoint(_ customers: CustomersAPI) -> Endpoint {
        Endpoint(
            .patch, "/v1/customers/{id}", "Change a customer's profile", body: .json()
        ) { call in
            let id = Int(try call.id(of: "such customer"))
            let match = try call.header(.ifMatch).map { try VersionMatch(header: $0) }
            let input = try? CustomerInput(json: Array(call.json))
            let caller = try call.identified()
            return try reply(try await customers.store.patch(id, input, match: match, by: caller))
        }.needing("If-Match").locating { call in _ = try await CustomerEndpoints.find(call, customers.store) }
    }

    private static func reply(_ patched: CustomerPatched) throws -> Reply {
        switch patched {
        case .done(let view): return try CustomerEndpoints.reply(view, status: .ok)
        case .missing: throw Problem.notFound("such customer")
        case .unconditional:
            throw Problem(
                .preconditionRequired, "precondition_required", "Precondition required",
                "Send If-Match with the ETag of the version that you have seen.")
        case .outdated(let version):
            var problem = Problem(
                .preconditionFailed, "precondition_failed", "Precondition failed",
                "The customer was changed since that version; read it again.")
            problem.headers = [(.eTag, "\"\(version)\"")]
            throw problem
        case .refused(let refusal): throw Problem.conflict(refusal.rawValue, refusal.detail)
        case .invalid(let problems):
            throw Problem.invalid(problems.map { FieldError($0.pointer, $0.code, $0.message) })
        case .duplicate(let state): throw CustomerEndpoints.duplicate(state)
        }
    }
}

extension VersionMatch {
    /// Reads `If-Match` (RFC 9110 §13.1.1): `*`, or tags between commas; a bare number is taken for its tag.
    ///
    /// A weak tag never matches, nor does one that no version has.
    /// - Throws: `Problem` 400 for what is neither.
    init(header: String) throws {
        if header.trimmingSpaces() == "*" {
            self = .any
            return
        }
        var versions: Set<Int> = []
        for part in header.split(separator: ",") {
            var tag = Substring(part.trimmingSpaces())
            if tag.isEmpty { continue }
            let isWeak = tag.hasPrefix("W/\"")
            if isWeak { tag = tag.dropFirst(2) }
            let isQuoted = tag.count >= 2 && tag.hasPrefix("\"") && tag.hasSuffix("\"")
            if isQuoted { tag = tag.dropFirst().dropLast() }
            let version = Int(tag).flatMap { "\($0)" == tag ? $0 : nil }
            guard isQuoted || version != nil, !tag.contains("\"") else { throw Self.malformed }
            if let version, !isWeak { versions.insert(version) }
        }
        // Of an opaque tag nothing is known but that it is not the customer's, which has a number.
        self = .versions(versions)
    }

    private static var malformed: Problem {
        .malformed("If-Match must be the customer's ETag, such as \"3\", or *.")
    }
}
