/// How the slots of one cycle follow each other (`[assignment] strategy`).
public enum AssignmentStrategy: String, Sendable, CaseIterable {
    /// One slot each in turn, higher weight first, until every quota is spent.
    case laps
    /// All slots of one seller, then all of the next.
    case block
    /// Weighted round robin as nginx does it, `num` being the weight: nobody comes twice in a row without need.
    case smooth
}

/// What `[assignment]` of the configuration says.
public struct AssignmentSettings: Sendable, Equatable {
    /// Order of the slots of the cycles built from now on; the open one stays as it was built. Default laps.
    public var strategy: AssignmentStrategy

    public init(strategy: AssignmentStrategy = .laps) { self.strategy = strategy }
}

/// A seller's share in one cycle.
public struct CycleShare: Sendable, Hashable {
    public let user: Int
    /// Slots in the cycle; a share of 0 or less takes no part.
    public let num: Int
    /// Higher comes first; equal weights go by user id.
    public let weight: Int

    public init(user: Int, num: Int, weight: Int) {
        self.user = user
        self.num = num
        self.weight = weight
    }
}

/// The order of the slots of one cycle.
public enum CycleOrder {
    /// - Returns: the shares that take part: higher weight first, equal weights by user id.
    public static func participants(_ shares: [CycleShare]) -> [CycleShare] {
        shares.filter { $0.num > 0 }.sorted { ($1.weight, $0.user) < ($0.weight, $1.user) }
    }

    /// - Returns: the users of slot 1, 2, … as many as the shares' sum; empty when nobody takes part.
    public static func users(_ shares: [CycleShare], _ strategy: AssignmentStrategy) -> [Int] {
        let order = participants(shares)
        switch strategy {
        case .laps: return laps(order)
        case .block: return order.flatMap { Array(repeating: $0.user, count: $0.num) }
        case .smooth: return smooth(order)
        }
    }

    private static func laps(_ order: [CycleShare]) -> [Int] {
        var users: [Int] = []
        users.reserveCapacity(order.reduce(0) { $0 + $1.num })
        var left = order
        var lap = 1
        while !left.isEmpty {
            users.append(contentsOf: left.lazy.map(\.user))
            left.removeAll { $0.num == lap }
            lap += 1
        }
        return users
    }

    /// nginx, `ngx_http_upstream_get_peer`: each turn every peer gains its weight, the highest is taken and loses the
    /// sum.
    /// The sequence repeats itself once per common divisor of the shares, so only one period is worked out.
    private static func smooth(_ order: [CycleShare]) -> [Int] {
        let divisor = order.reduce(0) { greatestCommonDivisor($0, $1.num) }
        guard divisor > 0 else { return [] }
        let gains = order.map { $0.num / divisor }
        let period = gains.reduce(0, +)
        var standing = Array(repeating: 0, count: order.count)
        var users: [Int] = []
        users.reserveCapacity(period * divisor)
        for _ in 0..<period {
            var best = 0
            for index in gains.indices {
                standing[index] += gains[index]
                // Only a strictly higher one: at a tie the earlier in order stays.
                if standing[index] > standing[best] { best = index }
            }
            standing[best] -= period
            users.append(order[best].user)
        }
        return Array(repeatElement(users, count: divisor).joined())
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }
}
