/// How a handler says a run ended.
public enum Outcome: Sendable, Equatable {
    /// - result: JSON; over 64 KiB it is not kept, and the job's error says so.
    case done(result: [UInt8]? = nil)
    /// Failed, spends the attempt. `nil` is the retry policy's delay.
    case retry(after: Duration? = nil, code: String, message: String)
    /// Not now, and nobody's fault: the attempt is not spent.
    case snooze(for: Duration)
    /// Failed for good.
    case dead(code: String, message: String)
}

/// An error of a handler with a code of its own; the job is retried.
public struct JobError: Error, Sendable, CustomStringConvertible {
    public var code: String
    public var message: String

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code): \(message)" }
}

/// Codes that the engine itself puts on a job.
public enum EngineCode {
    public static let timeout = "timeout"
    public static let unknownKind = "unknown_kind"
    public static let badArguments = "bad_args"
    public static let poison = "poison"
    public static let resultTooLarge = "result_too_large"
    /// The handler threw an error without a code of its own.
    public static let failed = "failed"
}
