internal import OwnerThread

/// A provider of our own: answers each request as told and keeps what it was asked.
public final class FakeHTTPServer: Sendable {
    public struct Request: Sendable {
        public let method: String
        /// Path and query as sent.
        public let target: String
        /// Names in lower case.
        public let headers: [String: String]
        public let body: [UInt8]
        /// Number of the connection it came over, from 1.
        public let connection: Int
        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    public enum Reply: Sendable {
        case answer(Int, headers: [String: String] = [:], body: String)
        /// Closes the connection without an answer.
        case drop
        /// Sends the status and half of the body, then closes.
        case dropInBody
        /// Keeps the connection open and says nothing.
        case silence

        public static func json(_ body: String) -> Reply {
            .answer(200, headers: ["Content-Type": "application/json"], body: body)
        }
    }

    private let server: LoopbackServer
    private let log: RequestLog
    public let url: String

    public init(
        tls: TestCertificate? = nil, _ reply: @escaping @Sendable (Request) -> Reply = { _ in .json("{}") }
    ) throws {
        let log = RequestLog()
        let library = try tls.map { try TLSLibrary($0) }
        self.log = log
        server = try LoopbackServer(name: "fake-http") { wire, number in
            if let library, !wire.startTLS(library) { return }
            while let request = readRequest(wire, number) {
                log.add(request)
                guard give(reply(request), wire) else { return }
            }
        }
        url = "\(tls == nil ? "http" : "https")://127.0.0.1:\(server.port)"
    }

    public var requests: [Request] { log.requests }

    /// - Throws: if there are not `count` requests within `limit`.
    public func requests(atLeast count: Int, within limit: Duration = .seconds(10)) async throws -> [Request] {
        try await waitUntil(within: limit, "\(count) requests") { log.requests.count >= count }
        return log.requests
    }

    public func stop() { server.stop() }
}

private final class RequestLog: Sendable {
    private let state = Lock<[FakeHTTPServer.Request]>([])
    var requests: [FakeHTTPServer.Request] { state.withLock { $0 } }
    func add(_ request: FakeHTTPServer.Request) { state.withLock { $0.append(request) } }
}

private func readRequest(_ wire: Wire, _ connection: Int) -> FakeHTTPServer.Request? {
    guard let first = wire.line() else { return nil }
    let words = String(decoding: first, as: UTF8.self).split(separator: " ")
    guard words.count == 3 else { return nil }
    var headers: [String: String] = [:]
    while let line = wire.line(), !line.isEmpty {
        let text = String(decoding: line, as: UTF8.self)
        guard let colon = text.firstIndex(of: ":") else { return nil }
        headers[text[..<colon].lowercased()] = String(text[text.index(after: colon)...].drop { $0 == " " })
    }
    guard let body = wire.bytes(Int(headers["content-length"] ?? "0") ?? 0) else { return nil }
    return FakeHTTPServer.Request(
        method: String(words[0]), target: String(words[1]), headers: headers, body: body, connection: connection)
}

/// - Returns: false if the connection is over.
private func give(_ reply: FakeHTTPServer.Reply, _ wire: Wire) -> Bool {
    switch reply {
    case .answer(let status, let headers, let body):
        let lines = headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        let head = "HTTP/1.1 \(status) Fake\r\n\(lines)Content-Length: \(body.utf8.count)\r\n\r\n"
        return wire.write(head + body)
    case .drop: return false
    case .dropInBody:
        wire.write("HTTP/1.1 200 Fake\r\nContent-Length: 40\r\n\r\n{\"errcode\":0")
        return false
    case .silence:
        wire.waitForEnd()
        return false
    }
}

/// Looks every 2 ms.
///
/// - Throws: ``ServerError`` after `limit`.
public func waitUntil(within limit: Duration, _ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw ServerError(message: "\(what): not within \(limit)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}
