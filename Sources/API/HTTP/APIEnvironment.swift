internal import Observability

/// How this API writes and makes things that depend on where it runs.
public struct APIEnvironment: Sendable {
    /// Offset of the configured time zone at a moment (milliseconds since 1970), in seconds east of UTC.
    let offset: @Sendable (Int64) -> Int
    /// A new job id.
    let makeID: @Sendable () -> String

    public init(offset: @escaping @Sendable (Int64) -> Int, makeID: @escaping @Sendable () -> String) {
        self.offset = offset
        self.makeID = makeID
    }

    /// RFC 3339 with offset.
    func time(_ milliseconds: Int?) -> String? {
        milliseconds.map { Timestamp.rfc3339(milliseconds: Int64($0), offset: offset(Int64($0))) }
    }
}
