internal import CRM
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Metrics
internal import NIOCore

/// Takes a request through every check in the order of the contract, then to its endpoint.
///
/// The order: 401, 404 (route), 405, 403, 413/415, 400, then the endpoint's own 404, 422, 409.
struct Responder: HTTPResponder {
    let routes: RouteTable
    let authenticator: Authenticator
    let failures: FailureJudge
    let logger: Logger

    func respond(to request: Request, context: APIContext) async throws -> Response {
        let requestID = request.headers[.requestID].flatMap { Self.acceptable($0) } ?? context.id
        var logger = logger
        logger[metadataKey: "request.id"] = "\(requestID)"
        let started = ContinuousClock.now
        var reply: Reply
        do {
            reply = try await answer(request, context, requestID, logger)
        } catch {
            let problem = failures.problem(for: error, logger: logger)
            reply = Reply.typed(problem.json, "application/problem+json; charset=utf-8", status: problem.status)
            for header in problem.headers { reply.headers[header.name] = header.value }
        }
        reply.headers[.requestID] = requestID
        Metrics.Timer(label: "paidan_http_request_seconds", dimensions: [("status", "\(reply.status.code)")])
            .recordNanoseconds((ContinuousClock.now - started).nanoseconds)
        return Self.response(reply, to: request)
    }

    /// An answer to HEAD says how long the body of GET would be, and has none.
    private static func response(_ reply: Reply, to request: Request) -> Response {
        guard request.method == .head else {
            return Response(status: reply.status, headers: reply.headers, body: reply.body)
        }
        var headers = reply.headers
        headers[.contentLength] = reply.body.contentLength.map { String($0) }
        return Response(status: reply.status, headers: headers, body: ResponseBody())
    }

    private func answer(
        _ request: Request, _ context: APIContext, _ requestID: String, _ logger: Logger
    ) async throws -> Reply {
        let target = request.head.path ?? "/"
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = halves.first ?? ""
        let match = NormalPath.segments(path).flatMap { routes.match($0) }
        let open = match?.endpoints.contains { isOpen($0, request, context) } ?? false
        // A request that needs a token is told so before it learns which paths exist.
        let caller =
            open
            ? nil
            : try await authenticator.caller(authorization: request.headers[.authorization], from: context.address)
        guard let match else { throw Problem.notFound("such path") }
        guard let endpoint = endpoint(for: request.method, in: match) else {
            var problem = Problem(
                .methodNotAllowed, "method_not_allowed", "Method not allowed",
                "This path takes \(Self.allow(match)).")
            problem.headers = [(.allow, Self.allow(match))]
            throw problem
        }
        switch endpoint.access {
        case .open, .token: break
        case .local where open: break
        case .local, .permission:
            guard let caller, caller.mayCall(method: request.method.rawValue, path: String(path)) else {
                throw Problem.forbidden()
            }
        }
        try Self.checkBody(of: request, against: endpoint)
        guard let query = Query(halves.count > 1 ? halves[1] : "") else {
            throw Problem.malformed("The query has a broken percent escape.")
        }
        var call = Call(
            request: request, parameters: match.parameters, query: query, caller: caller, requestID: requestID,
            logger: logger)
        if case .json(let limit, let isOptional) = endpoint.body {
            let bytes = try await Self.collect(request, limit)
            try call.take(json: bytes.isEmpty && isOptional ? ArraySlice("{}".utf8) : bytes)
        }
        let unknown = query.names.filter { !endpoint.query.contains($0) }
        guard unknown.isEmpty else {
            try await endpoint.object?(call)
            throw Problem.invalid(unknown.map { FieldError("/\($0)", "unknown", "is no known query parameter") })
        }
        return try await endpoint.run(&call)
    }

    private func isOpen(_ endpoint: Endpoint, _ request: Request, _ context: APIContext) -> Bool {
        switch endpoint.access {
        case .open: true
        case .local: context.isLoopback && !request.headers.contains { Self.isForwarding($0.name) }
        case .token, .permission: false
        }
    }

    /// HEAD is GET without the body, see `response(_:to:)`.
    private func endpoint(for method: HTTPRequest.Method, in match: RouteTable.Match) -> Endpoint? {
        match.endpoints.first { $0.method == method }
            ?? (method == .head ? match.endpoints.first { $0.method == .get } : nil)
    }

    /// Headers that proxies add: with one of them the peer is not the client.
    private static func isForwarding(_ name: HTTPField.Name) -> Bool {
        name.canonicalName.hasPrefix("x-forwarded-") || forwarding.contains(name.canonicalName)
    }

    private static let forwarding: Set = [
        "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
    ]

    private static func allow(_ match: RouteTable.Match) -> String {
        match.endpoints.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }.joined(separator: ", ")
    }

    /// 413 by the declared length and 415 by the declared type, before a byte of the body is read.
    private static func checkBody(of request: Request, against endpoint: Endpoint) throws {
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        let type = request.headers[.contentType].map { mediaType($0) }
        switch endpoint.body {
        case .none: return
        case .json(let limit, _):
            if let declared, declared > limit { throw Problem.tooLarge(limit) }
            if let type, type != "application/json", !type.hasSuffix("+json") {
                throw unsupported("application/json")
            }
        case .stream(let types, let limit):
            if let declared, declared > limit { throw Problem.tooLarge(limit) }
            if let types, !types.contains(type ?? "") { throw unsupported(types.joined(separator: " or ")) }
        }
        if let coding = request.headers[.contentEncoding], coding.lowercased() != "identity" {
            throw unsupported("the body without Content-Encoding")
        }
    }

    static func mediaType(_ header: String) -> String {
        header.split(separator: ";").first.map { $0.trimmingSpaces().lowercased() } ?? ""
    }

    private static func unsupported(_ expected: String) -> Problem {
        Problem(.unsupportedMediaType, "unsupported_media_type", "Unsupported media type", "Send \(expected).")
    }

    static func collect(_ request: Request, _ limit: Int) async throws -> ArraySlice<UInt8> {
        var bytes: [UInt8] = []
        for try await piece in request.body {
            guard bytes.count + piece.readableBytes <= limit else { throw Problem.tooLarge(limit) }
            bytes.append(contentsOf: piece.readableBytesView)
        }
        return bytes[...]
    }

    /// A client's request id is kept if it is short and plain, since it goes into logs.
    private static func acceptable(_ id: String) -> String? {
        id.count <= 64 && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !id.isEmpty ? id : nil
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-ID") ?? .from
    static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .from
    static let prefer = HTTPField.Name("Prefer") ?? .from
    static let preferenceApplied = HTTPField.Name("Preference-Applied") ?? .from
    static let traceparent = HTTPField.Name("traceparent") ?? .from
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

extension StringProtocol {
    func trimmingSpaces() -> String {
        var rest = self[...]
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
