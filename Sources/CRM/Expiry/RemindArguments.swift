/// Arguments of `pool.remind`.
struct RemindArguments: Sendable, Equatable {
    /// `YYYY-MM-DD`; nil is today.
    var asOf: String?
    /// How many days before the last one an owner is told, too. 0: on the last day only.
    var daysAhead = 0
    /// Tells the managers what is still due today, instead of each owner.
    var escalates = false
}

extension RemindArguments: Decodable {
    private enum Key: String, CodingKey {
        case asOf = "as_of"
        case daysAhead = "days_ahead"
        case escalates = "escalate"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        asOf = try values.decodeIfPresent(GivenDay.self, forKey: .asOf)?.text
        daysAhead = try values.decodeIfPresent(Int.self, forKey: .daysAhead) ?? 0
        escalates = try values.decodeIfPresent(Bool.self, forKey: .escalates) ?? false
        guard (0...30).contains(daysAhead) else {
            throw DecodingError.dataCorruptedError(
                forKey: .daysAhead, in: values, debugDescription: "must be 0 to 30")
        }
    }
}
