/// What to send next for one key, decided from what waits and what was sent.
public enum DigestPlan {
    /// One delivery that waits.
    public struct Waiting: Sendable, Equatable {
        public var delivery: Int64
        /// Milliseconds since 1970.
        public var since: Int64
        public var isUrgent: Bool
        /// Only deliveries of the same audience are merged: same recipient and same set of mentions.
        public var audience: String
        /// What its lines take of the budget.
        public var bytes: Int

        public init(delivery: Int64, since: Int64, isUrgent: Bool = false, audience: String = "", bytes: Int) {
            self.delivery = delivery
            self.since = since
            self.isUrgent = isUrgent
            self.audience = audience
            self.bytes = bytes
        }
    }

    public enum Step: Sendable, Equatable {
        /// Nothing before that time; nil: until something new waits.
        case wait(until: Int64?)
        /// Send this one alone.
        case single(Int64)
        /// Send these as one message, in this order; one token.
        case digest([Int64])
    }

    /// Deliveries wait so long for others to join them, in milliseconds.
    public static let groupWait: Int64 = 5_000
    /// At so few free messages a digest goes without waiting.
    public static let fewTokens = 3

    /// - Parameters:
    ///   - queue: in order of arrival.
    ///   - wasPaused: a pause ended since the last message.
    ///   - budget: bytes of ``Waiting/bytes`` in one digest; the first one always fits.
    ///   - merges: false for channels that send each delivery by itself.
    public static func next(
        _ queue: [Waiting], window: RateWindow, now: Int64, wasPaused: Bool = false, budget: Int, merges: Bool = true
    ) -> Step {
        let ordered = queue.filter(\.isUrgent) + queue.filter { !$0.isUrgent }
        guard let first = ordered.first else { return .wait(until: nil) }
        let free = window.nextFree(at: now)
        guard free <= now else { return .wait(until: free) }
        if first.isUrgent || !merges { return .single(first.delivery) }
        let isOld = now - first.since >= groupWait
        if ordered.count == 1 {
            return isOld ? .single(first.delivery) : .wait(until: first.since + groupWait)
        }
        guard isOld || wasPaused || window.freeTokens(at: now) <= fewTokens else {
            return .wait(until: first.since + groupWait)
        }
        let chosen = fitting(ordered.filter { $0.audience == first.audience }, budget)
        return chosen.count == 1 ? .single(first.delivery) : .digest(chosen.map(\.delivery))
    }

    private static func fitting(_ queue: [Waiting], _ budget: Int) -> [Waiting] {
        var used = 0
        return Array(
            queue.enumerated().prefix { index, waiting in
                used += waiting.bytes
                return index == 0 || used <= budget
            }.map(\.element))
    }

    /// What to do with a digest whose content the provider refuses.
    public enum Bisection: Sendable, Equatable {
        /// Send the two halves, each as a digest of its own.
        case halves([Int64], [Int64])
        /// This one is the reason: it goes dead.
        case dead(Int64)
    }

    /// - Parameter deliveries: of the refused message, at least 1.
    public static func bisect(_ deliveries: [Int64]) -> Bisection {
        precondition(!deliveries.isEmpty, "a refused message has at least 1 delivery")
        guard deliveries.count > 1 else { return .dead(deliveries[0]) }
        let middle = deliveries.count / 2
        return .halves(Array(deliveries[..<middle]), Array(deliveries[middle...]))
    }
}
