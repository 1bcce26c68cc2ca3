import Foundation
import Postgres
import Testing

@testable import CRM

/// No page reads the whole table. At 20,000 customers the planner may already see it; at 10,000,000 see `PAIDAN_CROWD`.
@Suite("Plans of the lists")
struct PlanTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var isManager = true
        /// At 20,000 customers the planner rightly reads them all: 400 pages are less than the way through an index.
        var needsMany = false
        let change: @Sendable (inout CustomerQuery) -> Void

        var testDescription: String { name }

        var query: CustomerQuery {
            var query = CustomerQuery()
            change(&query)
            return query
        }
    }

    static let cases: [Case] = [
        Case(name: "everything") { _ in },
        Case(name: "q 2 characters, rare") { $0.texts = ["欧阳"] },
        Case(name: "q 2 characters, common", needsMany: true) { $0.texts = ["大学"] },
        Case(name: "q 3 characters, rare") { $0.texts = ["欧阳" + "一"] },
        Case(name: "q 4 characters, common", needsMany: true) { $0.texts = ["技术学院"] },
        Case(name: "q 1 character, common", needsMany: true) { $0.texts = ["张"] },
        Case(name: "q 1 character, rare") { $0.texts = ["鿿"] },
        Case(name: "q QQ, 6 digits") { $0.texts = ["829355"] },
        Case(name: "q 2 digits") { $0.texts = ["82"] },
        Case(name: "q nowhere") { $0.texts = ["查无此人"] },
        Case(name: "pool_state and source", needsMany: true) {
            $0.states = ["public"]
            $0.sources = [13]
        },
        Case(name: "rare source and education") {
            $0.sources = [16]
            $0.educations = [8]
        },
        Case(name: "q common, source, education, state") {
            $0.texts = ["张"]
            $0.sources = [16]
            $0.educations = [8]
            $0.states = ["pending"]
        },
        Case(name: "course, common") { $0.courses = [1] },
        Case(name: "course and pending") {
            $0.courses = [20]
            $0.states = ["pending"]
        },
        Case(name: "consultant") { $0.consultants = [7] },
        Case(name: "consultant, private, by expiry") {
            $0.consultants = [7]
            $0.states = ["private"]
            $0.sort = .expiresOn
            $0.isDescending = false
        },
        Case(name: "due_before in two days") { $0.dueBefore = "due" },
        Case(name: "due_before, by expiry") {
            $0.dueBefore = "due"
            $0.sort = .expiresOn
            $0.isDescending = false
        },
        Case(name: "by expiry") {
            $0.sort = .expiresOn
            $0.isDescending = false
        },
        Case(name: "by name, public, source", needsMany: true) {
            $0.sort = .name
            $0.isDescending = false
            $0.states = ["public"]
            $0.sources = [5]
        },
        Case(name: "by name, q common", needsMany: true) {
            $0.sort = .name
            $0.isDescending = false
            $0.texts = ["大学"]
        },
        Case(name: "by last follow-up, closed") {
            $0.sort = .lastConsultDate
            $0.states = ["closed"]
        },
        Case(name: "a seller's own with q", isManager: false) { $0.texts = ["张"] },
        Case(name: "a seller's own, by expiry", isManager: false) {
            $0.sort = .expiresOn
            $0.isDescending = false
        },
    ]

    @Test("no page of a search reads the whole table", .timeLimit(.minutes(CrowdLab.isLong ? 120 : 10)))
    func search() async throws {
        try await CrowdLab.with { pool in
            let dueBefore = try await pool.query("SELECT (paidan.today() + 3)::text")[0].text(0)
            for each in Self.cases {
                var query = each.query
                if query.dueBefore != nil { query.dueBefore = dueBefore }
                let ready = query
                let caller = CrowdLab.caller(7, isManager: each.isManager)
                let search = CustomerSearch(pool: pool, deadline: .seconds(30))
                var times: [Duration] = []
                var found = 0
                for _ in 0..<(CrowdLab.isLong ? 3 : 1) {
                    let start = ContinuousClock.now
                    found = try await search.page(ready, for: caller).items.count
                    times.append(.now - start)
                }
                let plans = try await Snapshot.read(pool, .seconds(30)) { tx in
                    let plan = try CustomerSearch.plan(
                        ready, owner: each.isManager ? nil : 7, after: nil, in: &tx)
                    if plan.isAlongOwner { try tx.run(script: "SET LOCAL enable_sort = off") }
                    return (plan.candidates?.count, try plan.statements().map { try CrowdLab.plan($0, in: &tx) })
                }
                report(each.name, found, times, plans.1, candidates: plans.0)
                for plan in plans.1 where !each.needsMany || CrowdLab.count >= 1_000_000 {
                    #expect(
                        !CrowdLab.readsAll(plan),
                        "\(each.name): \(plan.joined(separator: "\n"))")
                }
            }
        }
    }

    @Test(
        "no page of the pool reads the whole table", .timeLimit(.minutes(CrowdLab.isLong ? 120 : 10)),
        arguments: PoolList.allCases)
    func pool(_ list: PoolList) async throws {
        try await CrowdLab.with { pool in
            let search = PoolSearch(pool: pool, settings: PoolSettings(), deadline: .seconds(30))
            let caller = CrowdLab.caller(7)
            var cursor: String?
            for page in [1, 2, 1000] where list == .open || page == 1 {
                if page == 1000 {
                    // As if 1000 pages had been turned.
                    let row = try await pool.query(
                        """
                        SELECT pool_since, id FROM crm_customer WHERE pool_state = 'public'
                        ORDER BY pool_since DESC, id DESC OFFSET \(min(49_950, CrowdLab.count / 4)) LIMIT 1
                        """)[0]
                    let name = ListCursor.fingerprint([["pool", list.rawValue]])
                    cursor = try ListCursor(list: name, key: try row.text(0), id: try row.int(1)).text
                }
                let here = cursor
                var times: [Duration] = []
                var found = 0
                for _ in 0..<(CrowdLab.isLong ? 3 : 1) {
                    let start = ContinuousClock.now
                    let answer = try await search.page(list, cursor: here, for: caller)
                    times.append(.now - start)
                    found = answer.items.count
                    cursor = answer.nextCursor
                }
                let plan = try await Snapshot.read(pool, .seconds(30)) { tx in
                    let after = try here.map {
                        try ListCursor($0, of: ListCursor.fingerprint([["pool", list.rawValue]]))
                    }
                    let today = try TodaySQL.read(in: &tx)
                    let sql = try PoolSQL(today: today, after: after, count: 51).list(list, in: &tx)
                    return try sql.map { try CrowdLab.plan($0, in: &tx) } ?? []
                }
                report("pool \(list.rawValue), page \(page)", found, times, [plan])
                // With what the page says beside the rows: whether the caller, who is at his cap, may grab.
                if CrowdLab.isLong { #expect(times.sorted()[1] < .milliseconds(250), "\(list) page \(page): \(times)") }
                #expect(found == 50 || list == .exhausted)
                #expect(!CrowdLab.readsAll(plan), "\(plan.joined(separator: "\n"))")
            }
        }
    }

    @Test("a search that takes too long is given up")
    func deadline() async throws {
        try await CrowdLab.with { pool in
            await #expect(throws: ListRefusal.tooBroad) {
                try await Snapshot.read(pool, .milliseconds(50)) { _ = try $0.query("SELECT pg_sleep(20)") }
            }
        }
    }

    private func report(
        _ name: String, _ found: Int, _ times: [Duration], _ plans: [[String]], candidates: Int? = nil
    ) {
        guard CrowdLab.isLong else { return }
        let milliseconds = times.map {
            String(format: "%.1f", Double($0.components.attoseconds) / 1e15 + Double($0.components.seconds) * 1e3)
        }
        print("## \(name): \(found) rows, ms \(milliseconds), candidates \(candidates.map { "\($0)" } ?? "-")")
        for plan in plans {
            for line in plan where line.firstMatch(of: /Scan|Time|Sort  |Limit/) != nil {
                print("   \(line.prefix(170))")
            }
            print("   --")
        }
    }
}
