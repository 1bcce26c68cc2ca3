internal import HTTPTypes
internal import Logging

/// Turns what an endpoint throws into an answer.
///
/// Endpoints throw `Problem`; what the stores throw is judged by `describe`, which wiring fills, since this module
/// does not know the stores.
public struct FailureJudge: Sendable {
    public enum Verdict: Sendable {
        /// A store is away or overloaded; nothing is wrong with the request. Text: which one, and what to do.
        case unavailable(String)
        case unknown
    }

    let judge: @Sendable (any Error) -> Verdict

    public init(judge: @escaping @Sendable (any Error) -> Verdict) { self.judge = judge }

    func problem(for error: any Error, logger: Logger) -> Problem {
        if let problem = error as? Problem { return problem }
        if error is CancellationError { return .unavailable("The request was cancelled; send it again.") }
        switch judge(error) {
        case .unavailable(let detail):
            logger.warning("request failed: store away", metadata: ["trouble": "\(detail)", "error": "\(error)"])
            return .unavailable(detail)
        case .unknown:
            logger.error("request failed", metadata: ["error": "\(error)"])
            return Problem(
                .internalServerError, "internal", "Internal error",
                "The request failed for a reason of ours; the log has it under this request's id.")
        }
    }
}
