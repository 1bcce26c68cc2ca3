internal import Curl
internal import Observability

/// What the group robots have in common: one POST of frozen JSON, one verdict by table.
struct RobotTransport: Sendable {
    let client: CurlClient
    let options: ChannelOptions
    let redactor: Redactor
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64

    func post(_ body: FrozenBody, to url: String) async -> Result<ProviderReply, CurlError> {
        var request = HTTPRequest("POST", url, headers: [("Content-Type", body.contentType)], body: body.bytes)
        request.timeout = options.timeout ?? .seconds(20)
        request.proxy = options.proxy?.exposed
        do {
            return .success(ProviderReply(try await client.send(request), now: now()))
        } catch {
            return .failure(error)
        }
    }
}
