/// Turns what a handler says into what is written, once and for all outcomes.
enum Verdict {
    static func change(
        for outcome: Outcome, of claim: Claim, kind: Kind, using random: inout some RandomNumberGenerator
    ) -> Settlement.Change {
        switch outcome {
        case .done(let result?) where result.count > JobLimits.bytes:
            // It has happened: to run it again would help nobody.
            return .done(
                result: nil, code: EngineCode.resultTooLarge,
                message: "the result is \(result.count) bytes, at most \(JobLimits.bytes) are kept")
        case .done(let result):
            return .done(result: result, code: nil, message: "")
        case .snooze(let delay):
            return .snooze(for: delay)
        case .dead(let code, let message):
            return .dead(code: code, message: shortened(message))
        case .retry(let after, let code, let message):
            if claim.attempt >= claim.maxAttempts ?? kind.maxAttempts {
                return .dead(code: code, message: shortened(message))
            }
            let delay = after ?? kind.retryPolicy.delay(attempt: max(1, claim.attempt), using: &random)
            return .retry(after: delay, code: code, message: shortened(message))
        }
    }

    /// A thrown error as an outcome: with its own code if it is a ``JobError``, else `failed`.
    ///
    /// Errors of ours say what happened without secrets or personal data; of others only the type is told.
    static func outcome(for error: any Error) -> Outcome {
        if let error = error as? JobError { return .retry(code: error.code, message: error.message) }
        if let error = error as? ArgumentError { return error.outcome }
        let type = type(of: error)
        let text = type is any CustomStringConvertible.Type ? "\(error)" : "\(type)"
        return .retry(code: EngineCode.failed, message: text)
    }

    private static func shortened(_ message: String) -> String { String(message.prefix(1000)) }
}
