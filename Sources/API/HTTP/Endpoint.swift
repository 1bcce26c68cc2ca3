internal import CRM
internal import HTTPTypes
internal import Hummingbird

/// One method of one path: what it takes, who may call it, what it does. Routing, permissions and the OpenAPI
/// document are all read from these.
struct Endpoint: Sendable {
    enum Access: Sendable {
        /// Anybody.
        case open
        /// Anybody on this machine without a proxy between; others need a token and a permission.
        case local
        /// Any valid token.
        case token
        /// A valid token one of whose roles permits path and method.
        case permission
    }

    enum Body: Sendable {
        case none
        /// A JSON text of at most this many bytes; an optional one is `{}` when there is none.
        case json(limit: Int = 1 << 20, isOptional: Bool = false)
        /// The content types taken and the most bytes; the handler reads the stream itself.
        case stream(types: [String]?, limit: Int)
    }

    let method: HTTPRequest.Method
    let path: PathPattern
    let summary: String
    var access = Access.permission
    var body = Body.none
    /// Names of query parameters; another one is 422, so that a misspelt filter does not answer with everything.
    var query: [String] = []
    /// Names of headers without which the handler refuses, for the OpenAPI document.
    var headers: [String] = []
    /// Statuses of a success, for the OpenAPI document.
    var success = [200]
    /// Throws `Problem` 404 if the path names nothing: asked before a wrong query parameter is refused.
    var object: (@Sendable (Call) async throws -> Void)?
    let run: @Sendable (inout Call) async throws -> Reply

    init(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, access: Access = .permission,
        body: Body = .none, query: [String] = [], success: Int...,
        run: @escaping @Sendable (inout Call) async throws -> Reply
    ) {
        self.method = method
        self.path = PathPattern(path)
        self.summary = summary
        self.access = access
        self.body = body
        self.query = query
        if !success.isEmpty { self.success = success }
        self.run = run
    }

    /// The same endpoint with its ``headers``.
    func needing(_ headers: String...) -> Endpoint {
        var endpoint = self
        endpoint.headers = headers
        return endpoint
    }

    /// The same endpoint with its ``object``.
    func locating(_ object: @escaping @Sendable (Call) async throws -> Void) -> Endpoint {
        var endpoint = self
        endpoint.object = object
        return endpoint
    }
}

/// An answer before it is sent.
struct Reply: Sendable {
    var status: HTTPResponse.Status = .ok
    var headers = HTTPFields()
    var body = ResponseBody()

    static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Reply {
        typed(bytes, "application/json; charset=utf-8", status: status)
    }

    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Reply {
        typed(Array(text.utf8), type, status: .ok)
    }

    static func typed(_ bytes: [UInt8], _ type: String, status: HTTPResponse.Status) -> Reply {
        var reply = Reply(status: status, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        reply.headers[.contentType] = type
        return reply
    }

    func with(_ name: HTTPField.Name, _ value: String) -> Reply {
        var reply = self
        reply.headers[name] = value
        return reply
    }
}
