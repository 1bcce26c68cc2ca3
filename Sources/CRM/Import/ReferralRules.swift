/// Which rows refer to nobody (a referral to a row that is itself in error is an error).
///
/// A row's referrer is a customer of the database or a valid row of the file, and a row whose referrer is not valid is
/// not valid either: the largest set of rows that can all be valid together. Rows that refer to each other may.
enum ReferralRules {
    struct Row: Sendable {
        /// Row number.
        let number: Int
        let qq: String
        let referral: String
        /// A valid row that refers to nobody, or to a customer, has this QQ.
        let isSure: Bool
    }

    /// - Parameter rows: the valid rows whose referrer is no customer of the database.
    /// - Returns: numbers of those whose referrer is no valid row of the file, ascending.
    static func invalid(_ rows: [Row]) -> [Int] {
        var valid: [String: Int] = [:]
        var referrers: [String: [Int]] = [:]
        for (index, row) in rows.enumerated() {
            valid[row.qq, default: 0] += 1
            if !row.isSure { referrers[row.referral, default: []].append(index) }
        }
        var bad = rows.indices.filter { !rows[$0].isSure && valid[rows[$0].referral] == nil }
        var next = 0
        while next < bad.count {
            let qq = rows[bad[next]].qq
            next += 1
            guard let left = valid[qq] else { continue }
            valid[qq] = left - 1
            if left == 1 { bad.append(contentsOf: referrers[qq] ?? []) }
        }
        return bad.map { rows[$0].number }.sorted()
    }
}
