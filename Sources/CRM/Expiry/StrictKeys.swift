/// Any key of an object.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// - Throws: `DecodingError` that names a key which is none of `known`.
    func refuseKeys(besides known: [String]) throws {
        let values = try container(keyedBy: AnyKey.self)
        guard let unknown = values.allKeys.first(where: { !known.contains($0.stringValue) }) else { return }
        throw DecodingError.dataCorrupted(
            .init(codingPath: codingPath, debugDescription: "\(unknown.stringValue) is no known argument"))
    }
}
