internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Answers what is no HTTP with a problem, as every other mistake is answered.
///
/// The parser has lost its place, so the connection ends with the answer. While a request is being read or waits for its
/// answer, the error is left to the server, which finishes that first.
final class ParserErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var unanswered = 0
    private var isInRequest = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: (unanswered, isInRequest) = (unanswered + 1, true)
        case .body: break
        case .end: isInRequest = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { unanswered -= 1 }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, unanswered == 0, !isInRequest else {
            return context.fireErrorCaught(error)
        }
        let problem = Self.problem(for: error)
        let body = problem.json
        let head = HTTPResponse(
            status: problem.status,
            headerFields: [
                .contentType: "application/problem+json; charset=utf-8", .contentLength: String(body.count),
                .connection: "close",
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    private static func problem(for error: HTTPParserError) -> Problem {
        switch error {
        case .invalidURL, .invalidPath, .invalidQueryString, .invalidFragment, .invalidHost, .invalidPort:
            .malformed(
                "The request line is no valid URL: characters beyond ASCII and spaces must be percent-encoded as UTF-8, e.g. %E7%8E%8B."
            )
        case .headerOverflow:
            Problem(
                .requestHeaderFieldsTooLarge, "headers_too_large", "Headers too large",
                "The request line and the headers may have at most 80 KiB and 1,000 fields.")
        default:
            .malformed("The request is no valid HTTP/1.1.")
        }
    }
}
