internal import Postgres

/// The filters of a search as SQL over a row `c` of `crm_customer`.
struct SearchFilter: Sendable {
    let query: CustomerQuery
    /// nil sees every row; a seller his own.
    let owner: Int?
    let today: TodaySQL

    /// What indexes and statistics know: all conditions but the text.
    func plain(withCourses: Bool = true) -> [SQL] {
        var all: [SQL] = []
        if !query.states.isEmpty { all.append(states) }
        for ids in [query.consultants, owner.map { [$0] } ?? []] where !ids.isEmpty {
            all.append(
                """
                \(Self.any("c.consultant_id", ids)) AND NOT \(today.isFallen("c"))
                """)
        }
        if !query.sources.isEmpty { all.append(Self.any("c.source", query.sources)) }
        if !query.educations.isEmpty { all.append(Self.any("c.education", query.educations)) }
        if let due = today.due { all.append("\(today.isPrivate("c")) AND \(due.condition("c"))") }
        if withCourses, !query.courses.isEmpty {
            all.append(
                """
                EXISTS (SELECT FROM crm_customer_course k
                    WHERE k.customer_id = c.id AND \(Self.any("k.course_id", query.courses)))
                """)
        }
        return all
    }

    private var states: SQL {
        let each: [SQL] = query.states.map { state in
            switch state {
            case "private": today.isPrivate("c")
            case "public": today.isPublic("c")
            case "pending": "c.pool_state = 'pending'"
            default: "c.pool_state = 'closed'"
            }
        }
        return "(\(SQL.join(each, " OR ")))"
    }

    /// Whether at most few customers can be the caller's or a consultant's.
    var hasConsultant: Bool { owner != nil || !query.consultants.isEmpty }

    private static func any(_ column: String, _ values: [Int]) -> SQL {
        values.count == 1
            ? "\(raw: column) = \(values[0])::int" : "\(raw: column) = ANY (\(values)::int[])"
    }

    /// - Parameter patterns: of LIKE, folded.
    static func text(_ c: String, _ patterns: [String]) -> SQL {
        """
        paidan.search_text(\(raw: c).name, \(raw: c).qq, \(raw: c).company, \(raw: c).graduation_school)
            LIKE ANY (\(patterns)::text[])
        """
    }

    static func all(_ conditions: [SQL]) -> SQL { conditions.isEmpty ? "true" : SQL.join(conditions, " AND ") }
}
