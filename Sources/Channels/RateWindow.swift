/// When the next message of one key may go: so many in a sliding window, a least spacing, and pauses.
///
/// Times are milliseconds since 1970. The caller keeps the sends in a table, so that a restart does not double them.
public struct RateWindow: Sendable, Equatable {
    /// Group robots take 20 in a minute; 2 stay free for clocks and for what people send by hand.
    public static let robotLimit = 18
    public static let length: Int64 = 60_000

    private let limit: Int
    private let spacing: Int64
    private var sent: [Int64]
    public private(set) var pausedUntil: Int64

    /// - Parameters:
    ///   - limit: messages in any 60 s, at least 1.
    ///   - spacing: least time between two messages.
    ///   - sent: earlier sends, in any order; those older than the window do not count.
    ///   - pausedUntil: nothing before then.
    public init(limit: Int = robotLimit, spacing: Duration = .seconds(1), sent: [Int64] = [], pausedUntil: Int64 = 0) {
        precondition(limit >= 1, "limit must be at least 1, is \(limit)")
        self.limit = limit
        self.spacing = Int64(spacing / .milliseconds(1))
        self.sent = sent.sorted()
        self.pausedUntil = pausedUntil
    }

    /// Messages that may still go in the window that ends at `now`, spacing and pauses aside.
    public func freeTokens(at now: Int64) -> Int {
        max(0, limit - sent.count { $0 > now - Self.length })
    }

    /// The earliest time from `now` on at which a message may go.
    public func nextFree(at now: Int64) -> Int64 {
        var time = max(now, pausedUntil)
        if let last = sent.last { time = max(time, last + spacing) }
        // A clock set back leaves sends in the future; they count until they are old.
        let inWindow = sent.filter { $0 > time - Self.length }
        if inWindow.count >= limit { time = max(time, inWindow[inWindow.count - limit] + Self.length) }
        return time
    }

    public func isPaused(at now: Int64) -> Bool { now < pausedUntil }

    public mutating func record(_ time: Int64) {
        sent.append(time)
        sent.sort()
        sent.removeAll { $0 <= time - Self.length }
    }

    /// Pauses add up to the latest end.
    public mutating func pause(until time: Int64) { pausedUntil = max(pausedUntil, time) }
}
