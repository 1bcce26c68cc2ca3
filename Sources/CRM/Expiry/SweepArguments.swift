/// Arguments of `pool.sweep`.
public struct SweepArguments: Sendable, Equatable {
    /// `YYYY-MM-DD`, the day by which expiry is judged; nil is today.
    public var asOf: String?
    /// Only counts.
    public var isDryRun: Bool

    public init(asOf: String? = nil, isDryRun: Bool = false) {
        self.asOf = asOf
        self.isDryRun = isDryRun
    }

    /// As they stand in the job.
    public var json: [UInt8] {
        var members: [String] = []
        if let asOf { members.append("\"as_of\":\"\(asOf)\"") }
        if isDryRun { members.append("\"dry_run\":true") }
        return Array("{\(members.joined(separator: ","))}".utf8)
    }
}

extension SweepArguments: Decodable {
    private enum Key: String, CodingKey, CaseIterable {
        case asOf = "as_of"
        case isDryRun = "dry_run"
    }

    /// A misspelt `dry_run` must not sweep.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseKeys(besides: Key.allCases.map(\.rawValue))
        let values = try decoder.container(keyedBy: Key.self)
        asOf = try values.decodeIfPresent(GivenDay.self, forKey: .asOf)?.text
        isDryRun = try values.decodeIfPresent(Bool.self, forKey: .isDryRun) ?? false
    }
}

/// A day as callers write it: `2026-01-31`.
struct GivenDay: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let given = try container.decode(String.self)
        guard let day = Day(given), day.description == given else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "must be a day such as 2026-01-31")
        }
        text = given
    }
}

/// Customers by the status of the distribution that ended, or would end.
public struct SweepCounts: Sendable, Equatable {
    /// 3: not followed up.
    public var notFollowed = 0
    /// 4: no deal.
    public var notSigned = 0

    public var total: Int { notFollowed + notSigned }

    static func + (a: SweepCounts, b: SweepCounts) -> SweepCounts {
        SweepCounts(notFollowed: a.notFollowed + b.notFollowed, notSigned: a.notSigned + b.notSigned)
    }

    /// Result of a job.
    func json(asOf: String) -> [UInt8] {
        Array("{\"as_of\":\"\(asOf)\",\"3\":\(notFollowed),\"4\":\(notSigned)}".utf8)
    }
}
