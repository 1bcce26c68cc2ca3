internal import Foundation
public import Postgres

/// The combined search: pages by key, none dearer than ``deadline``.
public struct CustomerSearch: Sendable {
    let pool: PostgresPool
    /// After this long in the database a search is given up, ``ListRefusal/tooBroad``.
    let deadline: Duration
    /// So many customers are looked at one by one rather than searched for in the order that is asked for.
    static let fewEnough = 10_000
    /// What the planner may expect at most, if they are to be counted.
    private static let worthCounting = 12_000

    public init(pool: PostgresPool, deadline: Duration = .seconds(3)) {
        self.pool = pool
        self.deadline = deadline
    }

    /// - Parameter caller: a seller sees his own, a manager all, anybody else none.
    /// - Throws: ``ListRefusal``.
    public func page(_ query: CustomerQuery, for caller: Caller) async throws -> ListPage<CustomerView> {
        if !caller.isManager, caller.seller == nil { return ListPage(items: [], nextCursor: nil) }
        let owner = caller.isManager ? nil : caller.seller
        let list = query.fingerprint
        let after = try query.cursor.map { try ListCursor($0, of: list) }
        return try await Snapshot.read(pool, deadline) { tx in
            let plan = try Self.plan(query, owner: owner, after: after, in: &tx)
            if plan.isAlongOwner { try tx.run(script: "SET LOCAL enable_sort = off") }
            var places: [SearchPlan.Place] = []
            for statement in try plan.statements() where places.count <= query.limit {
                places += try plan.places(statement, in: &tx)
            }
            let isLast = places.count <= query.limit
            places = Array(places.prefix(query.limit))
            let next = isLast ? nil : places.last.map { ListCursor(list: list, key: $0.key, id: $0.id) }
            return ListPage(
                items: try CustomerStore.views(places.map(\.id), in: &tx), nextCursor: try next?.text)
        }
    }

    static func plan(
        _ query: CustomerQuery, owner: Int?, after: ListCursor?, in tx: inout Transaction
    ) throws -> SearchPlan {
        let today = try TodaySQL.read(dueBefore: query.dueBefore, in: &tx)
        let words = try SearchWords.read(query.texts, in: &tx)
        let filter = SearchFilter(query: query, owner: owner, today: today)
        let anchors = words.anchors(sources: query.sources, educations: query.educations)
        return SearchPlan(
            query: query, filter: filter, patterns: words.patterns,
            candidates: try candidates(anchors, query, words, in: &tx), after: after)
    }

    /// The customers that have all the parts; nil if they are too many to look at each.
    private static func candidates(
        _ anchors: [SQL], _ query: CustomerQuery, _ words: SearchWords, in tx: inout Transaction
    ) throws -> [Int]? {
        if anchors.isEmpty { return nil }
        let indexed: SQL = "SELECT s.customer_id FROM paidan.customer_search s WHERE \(SearchFilter.all(anchors))"
        if try expected(indexed, in: &tx) > worthCounting { return nil }
        var conditions = words.patterns.isEmpty ? [] : [SearchFilter.text("c", words.patterns)]
        if !query.sources.isEmpty { conditions.append("c.source = ANY (\(query.sources)::int[])") }
        if !query.educations.isEmpty { conditions.append("c.education = ANY (\(query.educations)::int[])") }
        let found = try tx.query(
            """
            SELECT * FROM (\(indexed) LIMIT \(fewEnough + 1)::int) s
            UNION SELECT * FROM (
                SELECT c.id FROM paidan.search_due d CROSS JOIN LATERAL (
                    SELECT * FROM crm_customer WHERE id BETWEEN d.first_id AND d.last_id OFFSET 0) c
                WHERE \(SearchFilter.all(conditions)) LIMIT \(fewEnough + 1)::int) fresh
            """)
        return found.count > fewEnough ? nil : try found.map { try $0.int(0) }
    }

    /// Rows, as the planner guesses.
    private static func expected(_ sql: SQL, in tx: inout Transaction) throws -> Int {
        let line = try tx.query("EXPLAIN \(sql)")[0].text(0)
        return line.firstMatch(of: /rows=(\d+)/).flatMap { Int($0.1) } ?? 0
    }
}

/// Reads of one moment, within a time.
enum Snapshot {
    /// - Throws: ``ListRefusal/tooBroad`` if a statement took longer than `deadline`.
    static func read<Value: Sendable>(
        _ pool: PostgresPool, _ deadline: Duration, _ body: @escaping @Sendable (inout Transaction) throws -> Value
    ) async throws -> Value {
        let milliseconds = deadline.components.seconds * 1000 + deadline.components.attoseconds / 1_000_000_000_000_000
        do {
            return try await pool.transaction { tx in
                // Plans are made for the values at hand: a rare name and a common one are found in different ways.
                try tx.run(
                    script: """
                        SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
                        SET LOCAL plan_cache_mode = force_custom_plan;
                        SET LOCAL max_parallel_workers_per_gather = 0;
                        SET LOCAL statement_timeout = \(max(1, milliseconds))
                        """)
                return try body(&tx)
            }
        } catch let error as PostgresError where error.sqlState == "57014" {
            throw ListRefusal.tooBroad
        }
    }
}

extension CustomerStore {
    /// Customers as of today, in the order of `ids`; those that are gone are left out.
    static func views(_ ids: [Int], in tx: inout Transaction) throws -> [CustomerView] {
        if ids.isEmpty { return [] }
        let rows = try tx.query(
            CustomerSQL.views(from: "SELECT * FROM crm_customer WHERE id = ANY (\(ids)::int[])"))
        var views: [String: CustomerView] = [:]
        for row in rows {
            let view = try decoded(row)
            views[view.id] = view
        }
        return ids.compactMap { views["\($0)"] }
    }
}
