internal import Postgres

/// The texts of a search as the database compares them.
struct SearchWords: Sendable {
    /// Of LIKE, one for each text.
    var patterns: [String] = []
    /// Numbers of their parts, see `paidan.grams`; empty where a text is too short to have one (two digits).
    var grams: [[Int]] = []

    static func read(_ texts: [String], in tx: inout Transaction) throws -> SearchWords {
        var words = SearchWords()
        if texts.isEmpty { return words }
        let rows = try tx.query(
            """
            SELECT f.folded, array_to_string(paidan.wanted_grams(f.folded), ' ')
            FROM (SELECT paidan.folded(t) AS folded, place
                FROM unnest(\(texts)::text[]) WITH ORDINALITY AS given (t, place)) f
            ORDER BY f.place
            """)
        for row in rows {
            words.patterns.append("%" + escaped(try row.text(0)) + "%")
            words.grams.append(try row.text(1).split(separator: " ").compactMap { Int($0) })
        }
        return words
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
    }

    /// Conditions over `paidan.customer_search s` that all customers looked for fulfil; empty if it is of no use.
    func anchors(sources: [Int], educations: [Int]) -> [SQL] {
        var all: [SQL] = []
        if !grams.isEmpty, !grams.contains([]) {
            let each: [SQL] = grams.map { "s.grams @> \($0)::int[]" }
            all.append("(\(SQL.join(each, " OR ")))")
        }
        if !sources.isEmpty { all.append("s.grams && \(sources.map { -1000 - $0 })::int[]") }
        if !educations.isEmpty { all.append("s.grams && \(educations.map { -2000 - $0 })::int[]") }
        return all
    }
}
