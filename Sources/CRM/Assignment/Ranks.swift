/// A seller's share as callers give it (`PUT /v1/ranks`).
public struct RankEntry: Sendable, Equatable, Codable {
    public let userID: Int
    /// Slots in a cycle, 0–1000.
    public let num: Int
    /// Higher comes first.
    public let weight: Int
    /// Most customers by assignment and grab in one day, at least 0; `nil` for no bound.
    public let dailyCap: Int?
    /// Most customers in hand, at least 0; `nil` for no bound.
    public let holdingCap: Int?

    public init(userID: Int, num: Int, weight: Int, dailyCap: Int? = nil, holdingCap: Int? = nil) {
        self.userID = userID
        self.num = num
        self.weight = weight
        self.dailyCap = dailyCap
        self.holdingCap = holdingCap
    }

    private enum CodingKeys: String, CodingKey {
        case userID = "user_id"
        case num, weight
        case dailyCap = "daily_cap"
        case holdingCap = "holding_cap"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        userID = try values.decode(GivenID.self, forKey: .userID).value
        num = try values.decode(Int.self, forKey: .num)
        weight = try values.decode(Int.self, forKey: .weight)
        dailyCap = try values.decodeIfPresent(Int.self, forKey: .dailyCap)
        holdingCap = try values.decodeIfPresent(Int.self, forKey: .holdingCap)
    }

    /// Ids are answered as strings; a cap of none is null.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(String(userID), forKey: .userID)
        try values.encode(num, forKey: .num)
        try values.encode(weight, forKey: .weight)
        try values.encode(dailyCap, forKey: .dailyCap)
        try values.encode(holdingCap, forKey: .holdingCap)
    }
}

/// A value that a caller must mend: 422.
public struct RankProblem: Error, Sendable, Equatable {
    /// JSON pointer into what the caller sent, as `/0/num`.
    public let pointer: String
    /// `range`, `duplicate` or `unknown_user`.
    public let code: String
    public let message: String
}

/// What a list of shares must keep to.
public enum RankRules {
    public static let nums = 0...1000
    /// `crm_salerank.weight` is a PostgreSQL integer.
    private static let integers = Int(Int32.min)...Int(Int32.max)

    /// - Returns: every problem, in the order of the list.
    public static func problems(_ list: [RankEntry]) -> [RankProblem] {
        var problems: [RankProblem] = []
        var seen: Set<Int> = []
        func add(_ index: Int, _ field: String, _ code: String, _ message: String) {
            problems.append(RankProblem(pointer: "/\(index)/\(field)", code: code, message: message))
        }
        for (index, entry) in list.enumerated() {
            if !seen.insert(entry.userID).inserted {
                add(index, "user_id", "duplicate", "seller \(entry.userID) is in the list twice")
            }
            if !nums.contains(entry.num) { add(index, "num", "range", "num must be 0 to 1000, is \(entry.num)") }
            if !integers.contains(entry.weight) { add(index, "weight", "range", "weight must be a 32-bit number") }
            for (field, cap) in [("daily_cap", entry.dailyCap), ("holding_cap", entry.holdingCap)] {
                guard let cap, !(0...Int(Int32.max)).contains(cap) else { continue }
                add(index, field, "range", "\(field) must be null or at least 0, is \(cap)")
            }
        }
        return problems
    }
}
