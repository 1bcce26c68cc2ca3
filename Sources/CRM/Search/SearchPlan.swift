internal import Postgres

/// How a page of a search is found: over a short list of customers that come into question, or along an index in the
/// order that is asked for. Customers and the key of the order, `limit` + 1 of them.
struct SearchPlan: Sendable {
    /// A customer of a page, and the key that its place in the order has.
    struct Place: Sendable, Equatable {
        let id: Int
        let key: String?
    }

    let query: CustomerQuery
    let filter: SearchFilter
    let patterns: [String]
    /// Nobody else comes into question; nil if that is not known.
    let candidates: [Int]?
    let after: ListCursor?

    private var today: TodaySQL { filter.today }
    private var count: Int { query.limit + 1 }
    private var direction: SQL { query.isDescending ? "DESC" : "ASC" }
    private var beyond: SQL { query.isDescending ? "<" : ">" }
    private var text: [SQL] { patterns.isEmpty ? [] : [SearchFilter.text("c", patterns)] }

    /// One person's customers have a common text: his index gives them in order, however rare the planner takes it for.
    var isAlongOwner: Bool {
        let people = Set(query.consultants + (filter.owner.map { [$0] } ?? []))
        return candidates == nil && !patterns.isEmpty && query.sort == .id && people.count == 1
    }

    /// Statements whose rows, one after the other, are the page; the next is needed if there are too few.
    func statements() throws -> [SQL] {
        guard query.sort == .expiresOn else { return [try simple()] }
        var all: [SQL] = []
        if after == nil || after?.key != nil {
            all.append(
                try candidates != nil || filter.hasConsultant ? dated() : datedByPairs())
        }
        if query.dueBefore == nil { all.append(undated()) }
        return all
    }

    /// Rows of a statement: id and key.
    func places(_ sql: SQL, in tx: inout Transaction) throws -> [Place] {
        try tx.query(sql).map { Place(id: try $0.int(0), key: $0.optionalText(1)) }
    }

    private func source(_ conditions: [SQL], order: SQL) -> SQL {
        let plain = SearchFilter.all(conditions)
        if let candidates {
            return """
                (SELECT c.* FROM unnest(\(candidates)::int[]) AS found (id) JOIN crm_customer c ON c.id = found.id
                WHERE \(plain) OFFSET 0)
                """
        }
        // How rare a text is, the planner cannot know: it is kept from guessing by the fence.
        return patterns.isEmpty
            ? "(SELECT c.* FROM crm_customer c WHERE \(plain))"
            : "(SELECT c.* FROM crm_customer c WHERE \(plain) ORDER BY \(order) OFFSET 0)"
    }

    private func page(_ key: SQL, _ conditions: [SQL], order: SQL) -> SQL {
        """
        SELECT c.id, \(key) FROM \(source(filter.plain() + conditions, order: order)) c
        WHERE \(SearchFilter.all(text)) ORDER BY \(order) LIMIT \(count)::int
        """
    }

    private func simple() throws -> SQL {
        switch query.sort {
        case .id, .expiresOn:
            let bound: [SQL] = after.map { ["c.id \(beyond) \($0.id)::int"] } ?? []
            return page("NULL", bound, order: "c.id \(direction)")
        case .name:
            let bound: [SQL] =
                after.map { ["(c.name COLLATE \"C\", c.id) \(beyond) (\($0.key ?? "")::text, \($0.id)::int)"] } ?? []
            return page("c.name", bound, order: "c.name COLLATE \"C\" \(direction), c.id \(direction)")
        case .lastConsultDate:
            var bound: [SQL] = []
            if let after {
                guard let day = try after.day else { throw ListRefusal.cursor }
                bound = ["(c.last_consult_date, c.id) \(beyond) (\(day)::date, \(after.id)::int)"]
            }
            return byState("c.last_consult_date", bound)
        }
    }

    /// An order that goes with the state: closed customers are the longest ago. A page of each state, then the best.
    private func byState(_ key: SQL, _ bound: [SQL]) -> SQL {
        let order: SQL = "\(key) \(direction), c.id \(direction)"
        if candidates != nil || filter.hasConsultant { return page(key, bound, order: order) }
        let pages: [SQL] = CustomerQuery.states.map { state in
            "(\(page("\(key) AS place", bound + ["c.pool_state = \(state)"], order: order)))"
        }
        return """
            SELECT c.id, c.place FROM (\(SQL.join(pages, " UNION ALL "))) c
            ORDER BY c.place \(direction), c.id \(direction) LIMIT \(count)::int
            """
    }

    /// The private ones of few customers, by expiry.
    private func dated() throws -> SQL {
        let expiry = today.expiry("c")
        var conditions = [today.isPrivate("c")]
        if let after, let day = try after.day {
            conditions.append("(\(expiry), c.id) \(beyond) (\(day)::date, \(after.id)::int)")
        }
        return page(expiry, conditions, order: "\(expiry) \(direction), c.id \(direction)")
    }

    /// The private ones of all customers, by expiry: a few from each pair of dates, and the protected ones.
    private func datedByPairs() throws -> SQL {
        var bound: SQL = "true"
        var pairs: SQL = today.due?.dates("p") ?? "true"
        if let after, let day = try after.day {
            bound = "(x.expires, x.id) \(beyond) (\(day)::date, \(after.id)::int)"
            // The operator is text of the statement: as a String it would be a value.
            let notBefore: SQL = query.isDescending ? "<=" : ">="
            pairs = "\(pairs) AND \(today.unprotectedExpiry("p")) \(notBefore) \(day)::date"
        }
        let conditions = SearchFilter.all(filter.plain() + text)
        return """
            SELECT x.id, x.expires FROM (
                SELECT x.id, p.expires FROM (
                    SELECT p.*, \(today.unprotectedExpiry("p")) AS expires FROM paidan.due_pairs() p
                    WHERE NOT \(today.today.dates("p")) AND \(pairs)) p
                CROSS JOIN LATERAL (
                    SELECT c.id, p.expires FROM crm_customer c
                    WHERE c.pool_state = 'private' AND c.recv_date = p.recv_date
                        AND c.last_consult_date = p.last_consult_date
                        AND (c.protected_until IS NULL OR c.protected_until < p.expires)
                        AND \(conditions) AND \(bound.text == "true" ? "true" : bounded("p.expires", "c.id"))
                    ORDER BY c.id \(direction) LIMIT \(count)::int) x
                UNION ALL
                SELECT c.id, \(today.expiry("c")) FROM crm_customer c
                WHERE c.pool_state = 'private' AND c.protected_until IS NOT NULL AND \(today.isPrivate("c"))
                    AND c.protected_until >= \(today.unprotectedExpiry("c")) AND \(conditions)) x
            WHERE \(bound) ORDER BY x.expires \(direction), x.id \(direction) LIMIT \(count)::int
            """
    }

    private func bounded(_ expires: String, _ id: String) -> SQL {
        guard let after, let key = after.key else { return "true" }
        return "(\(raw: expires), \(raw: id)) \(beyond) (\(key)::date, \(after.id)::int)"
    }

    /// Those that are nobody's or enrolled, after those with a date.
    private func undated() -> SQL {
        var conditions: [SQL] = ["NOT \(today.isPrivate("c"))"]
        if let after, after.key == nil { conditions.append("c.id \(beyond) \(after.id)::int") }
        return page("NULL", conditions, order: "c.id \(direction)")
    }
}
