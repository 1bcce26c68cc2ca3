internal import CRM
internal import FoundationEssentials
internal import HTTPTypes

/// Lists of customers: the combined search and the pool.
enum ListEndpoints {
    static func all(_ search: CustomerSearch, _ pool: PoolSearch) -> [Endpoint] {
        [
            Endpoint(
                .get, "/v1/customers", "Search customers",
                query: [
                    "q", "pool_state", "consultant", "source", "course", "education", "due_before", "sort", "cursor",
                    "limit",
                ]
            ) { call in
                let query = try CustomerQuery(call.query)
                return try await answer { try await search.page(query, for: try call.identified()) }
            },
            Endpoint(
                .get, "/v1/pool", "Customers that may be grabbed", query: ["list", "cursor", "limit"]
            ) { call in
                let list = try call.query.choice("list", PoolList.allCases.map(\.rawValue))
                let limit = try call.query.limit()
                return try await answer {
                    try await pool.page(
                        list.flatMap { PoolList(rawValue: $0) } ?? .open, limit: limit, cursor: call.query.cursor,
                        for: try call.identified())
                }
            },
        ]
    }

    private struct Page<Item: Encodable>: Encodable {
        let items: [Item]
        let nextCursor: String?

        private enum CodingKeys: String, CodingKey {
            case items
            case nextCursor = "next_cursor"
        }

        func encode(to encoder: any Encoder) throws {
            var out = encoder.container(keyedBy: CodingKeys.self)
            try out.encode(items, forKey: .items)
            try out.encode(nextCursor, forKey: .nextCursor)
        }
    }

    private static func answer<Item: Encodable & Sendable>(
        _ read: () async throws -> ListPage<Item>
    ) async throws -> Reply {
        do {
            let page = try await read()
            return .json(Array(try JSONEncoder().encode(Page(items: page.items, nextCursor: page.nextCursor))))
        } catch let refusal as ListRefusal {
            switch refusal {
            case .cursor: throw Problem.invalid([FieldError("/cursor", "cursor", "is no cursor of this list")])
            case .tooBroad:
                throw Problem.invalid([
                    FieldError(
                        "", "too_broad", "takes too long to find: add a filter, a longer q, or leave out the sort")
                ])
            }
        }
    }
}

extension CustomerQuery {
    /// - Throws: `Problem` 422 that names each wrong parameter.
    init(_ query: Query) throws {
        self.init()
        var errors: [FieldError] = []
        func ids(_ name: String, _ range: ClosedRange<Int>) -> [Int] {
            query.all(name).compactMap { text in
                if let id = Int(text), range.contains(id), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
                    return id
                }
                errors.append(
                    FieldError("/\(name)", "range", "must be a number from \(range.lowerBound) to \(range.upperBound)"))
                return nil
            }
        }
        let anyID = 1...Int(Call.largestID)
        texts = query.all("q").compactMap { text in
            if text.unicodeScalars.count > 64 {
                errors.append(FieldError("/q", "range", "must have at most 64 characters"))
            } else if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
                errors.append(FieldError("/q", "type", "must not have control characters"))
            }
            let trimmed = text.drop { $0.isWhitespace }
            return trimmed.isEmpty ? nil : String(trimmed.reversed().drop { $0.isWhitespace }.reversed())
        }
        states = query.all("pool_state")
        if !states.allSatisfy(Self.states.contains) {
            errors.append(
                FieldError("/pool_state", "choice", "must be one of \(Self.states.joined(separator: ", "))"))
        }
        consultants = ids("consultant", anyID)
        sources = ids("source", 1...16)
        courses = ids("course", anyID)
        educations = ids("education", 1...8)
        let days = query.all("due_before")
        if !days.allSatisfy(Day.isValid) {
            errors.append(FieldError("/due_before", "type", "must be a day such as 2026-01-31"))
        }
        dueBefore = days.max()
        if let sort = query["sort"] {
            isDescending = sort.hasPrefix("-")
            if let known = Sort(rawValue: isDescending ? String(sort.dropFirst()) : sort) {
                self.sort = known
            } else {
                let names = Sort.allCases.map(\.rawValue).joined(separator: ", ")
                errors.append(FieldError("/sort", "choice", "must be one of \(names), with - in front for descending"))
            }
        }
        do { limit = try query.limit() } catch let problem as Problem { errors += problem.errors }
        cursor = query.cursor
        if !errors.isEmpty { throw Problem.invalid(errors) }
    }
}
