import Curl
import TestSupport
import Testing

/// An answer of the service, its body read as JSON where it is JSON.
struct Answer: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let bytes: [UInt8]

    var json: JSON { JSON(bytes) }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    /// Stable code of a problem.
    var code: String? { json["code"].string }

    subscript(header: String) -> String? { headers.first { $0.name == header }?.value }
}

extension TestService {
    /// One request; with the token of the administrator unless another, or none (empty), is given.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, token: String? = nil,
        headers: [(name: String, value: String)] = [], bytes: [UInt8] = [], type: String = "application/json"
    ) async throws -> Answer {
        let token = if let token { token } else { try await self.token(for: "boss") }
        var request = HTTPRequest(method, "http://127.0.0.1:\(port)\(path)", headers: headers)
        request.timeout = .seconds(60)
        request.responseLimit = 16 << 20
        if !token.isEmpty { request.headers.append(("Authorization", "Bearer \(token)")) }
        if let body { request.body = Array(body.utf8) } else { request.body = bytes }
        if !request.body.isEmpty, !headers.contains(where: { $0.name == "Content-Type" }) {
            request.headers.append(("Content-Type", type))
        }
        let response = try await client.send(request)
        return Answer(status: response.status, headers: response.headers, bytes: response.body)
    }

    /// A request written by hand, on a connection of its own that is closed afterwards.
    func raw(_ head: String, token: String? = nil, until end: String? = nil) async throws -> String {
        var lines = [head, "Host: 127.0.0.1", "Connection: close"]
        if let token { lines.append("Authorization: Bearer \(token)") }
        return try await RawHTTP(port: port).exchange(lines.joined(separator: "\r\n") + "\r\n\r\n", until: end)
    }

    /// The job once it has reached `state`, 20 s at most.
    func job(_ id: String, in state: String) async throws -> JSON {
        var job = JSON.missing
        let reached = try await eventually {
            job = try await ask("GET", "/v1/jobs/\(id)").json
            return job["state"].string == state
        }
        #expect(reached, "job \(id) is \(job["state"].string ?? "gone"), not \(state)")
        return job
    }
}

/// Whether `answer` is a problem of RFC 9457 with this status and code.
func expectProblem(
    _ answer: Answer, _ status: Int, _ code: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(
        answer["content-type"]?.hasPrefix("application/problem+json") == true, "\(answer.text)",
        sourceLocation: sourceLocation)
    let json = answer.json
    #expect(json["status"].int == status, sourceLocation: sourceLocation)
    for member in ["type", "title", "detail", "code"] {
        #expect(json[member].string?.isEmpty == false, "no \(member) in \(answer.text)", sourceLocation: sourceLocation)
    }
    if let code { #expect(json["code"].string == code, "\(answer.text)", sourceLocation: sourceLocation) }
    if status == 422 {
        #expect(!json["errors"].items.isEmpty, "\(answer.text)", sourceLocation: sourceLocation)
        for error in json["errors"].items {
            for member in ["pointer", "code", "message"] {
                #expect(error[member].string != nil, "\(answer.text)", sourceLocation: sourceLocation)
            }
        }
    }
}

/// Waits until `condition` holds, 20 s at most.
///
/// - Returns: whether it came to hold.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return false
}
