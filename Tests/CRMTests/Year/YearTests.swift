import Postgres
import TestSupport
import Testing

@testable import CRM

/// A company's year in minutes: people, pages and machines at random, several at a time; sweeps are missed at random.
@Suite("A simulated year", .serialized)
struct YearTests {
    @Test("No invariant is broken, and every end of an ownership is the one that its notes give")
    func year() async throws {
        let plan = YearPlan.chosen
        let began = ContinuousClock.now
        try await YearWorld.with(plan) { world in
            var random = SeededRandom(plan.seed)
            for day in 0..<plan.days {
                try await world.live(day, &random)
                if (day + 1) % plan.look == 0 || day == plan.days - 1 { try await look(world, day, isSwept: false) }
            }
            // The last night has its sweep: nothing may be overdue afterwards.
            try await world.clock(day: plan.days, "00:05:00")
            try await world.sweep()
            try await look(world, plan.days, isSwept: true)
            try await tell(world, ContinuousClock.now - began)
        }
    }

    private func look(_ world: YearWorld, _ day: Int, isSwept: Bool) async throws {
        for (name, count) in try await world.violations() { #expect(count == 0, "\(name) on day \(day)") }
        let wrong = try await world.wrongEnds(isSwept: isSwept)
        #expect(wrong.isEmpty, "day \(day)")
    }

    /// The numbers of a full run; a short one says nothing.
    private func tell(_ world: YearWorld, _ time: Duration) async throws {
        guard world.plan.sellers == YearPlan.full.sellers else { return }
        for (what, count) in world.counts.sorted(by: { $0.key < $1.key }) { print("\(what): \(count)") }
        let ended = try await world.pool.query(
            "SELECT status, count(*) FROM crm_customerdistribution GROUP BY status ORDER BY status")
        for row in ended { print("distributions of status \(try row.int(0)): \(try row.int(1))") }
        let all = try await world.violations().map { "\($0.name) \($0.count)" }.joined(separator: ", ")
        print("violations: \(all); \(time)")
    }
}

extension YearWorld {
    /// One day: perhaps a sweep, people who come and go, customers, and four times of the day with their actions.
    func live(_ day: Int, _ random: inout SeededRandom) async throws {
        try await clock(day: day, "00:05:00")
        if Int.random(in: 0..<100, using: &random) < plan.sweeps {
            try await sweep()
        } else {
            count("sweeps missed")
        }
        try await clock(day: day, "08:00:00")
        try await staff(day, &random)
        try await arrivals(day, &random)
        try await assignWaiting()
        for time in ["09:30:00", "13:00:00", "18:00:00", "23:50:00"] {
            try await clock(day: day, time)
            let steps = try await steps(plan.actions / 4, &random)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, step) in steps.enumerated() {
                    if index >= plan.width { try await group.next() }
                    group.addTask { await self.attempt(step) }
                }
                try await group.waitForAll()
            }
        }
        try await clock(day: day, "23:58:00")
        try await reconcile()
        try await assignWaiting()
    }

    /// What a person is shown as an error of the service is one.
    private func attempt(_ step: YearStep) async {
        do {
            try await run(step)
        } catch {
            Issue.record("\(step.action) of customer \(step.customer): \(error)")
        }
    }

    /// The lists as people see them now; they act on them later.
    private func steps(_ count: Int, _ random: inout SeededRandom) async throws -> [YearStep] {
        var lists: [String: [Row]] = [:]
        for state in ["private", "public", "pending", "closed"] {
            let rows = try await pool.query(
                """
                SELECT id, consultant_id, to_jsonb(c) FROM crm_customer c WHERE pool_state = \(state)
                ORDER BY hashint8(id + \(Int.random(in: 0..<1_000_000, using: &random))::bigint) LIMIT \(count)::int
                """)
            lists[state] = Array(rows)
        }
        return try (0..<count).compactMap { _ in
            let action = YearAction.random(&random)
            let odd = Int.random(in: 0..<10, using: &random) == 0
            let state = odd ? ["private", "public", "pending", "closed"].randomElement(using: &random) : action.state
            guard let row = lists[state ?? ""]?.randomElement(using: &random) else { return nil }
            return YearStep(
                action: action, customer: try row.int(0), consultant: try row.optionalInt(1),
                user: Int.random(in: 2...plan.sellers + 1, using: &random), row: try Array(row.utf8(2)),
                days: Int.random(in: 1...12, using: &random))
        }
    }
}

extension YearAction {
    /// The list on which people do it.
    fileprivate var state: String {
        switch self {
        case .grab, .lateDeal, .pageGrab: "public"
        case .toPool: "pending"
        case .reopen: "closed"
        default: "private"
        }
    }
}
