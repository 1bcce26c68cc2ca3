/// The request header `Prefer` (RFC 7240).
enum Preference {
    private static let longest = 60

    /// `wait=N`, at most 60 s: it is an upper bound, so a larger one is honoured by waiting less.
    ///
    /// - Returns: nil where none is given that can be honoured; RFC 7240 §2 has such a one ignored.
    static func wait(_ header: String?) -> Duration? {
        for preference in header?.split(separator: ",") ?? [] {
            let token = preference.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
            let halves = token.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, halves[0].trimmingSpaces().lowercased() == "wait" else { continue }
            // The first one of a name counts.
            let digits = halves[1].trimmingSpaces().filter { $0 != "\"" }
            guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let seconds = Int(digits), seconds >= 1 else {
                return nil
            }
            return .seconds(min(seconds, longest))
        }
        return nil
    }
}
